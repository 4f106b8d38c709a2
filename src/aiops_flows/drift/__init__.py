"""How data moved between two frames: a calibrated verdict for machines, and Evidently's report of it for people.

The only room that imports Evidently, and only where a report is rendered.
"""

from aiops_flows.drift.measuring import measure_drift
from aiops_flows.drift.rendering import RenderedReport, render_report
from aiops_flows.drift.report import ColumnDrift, DriftReport

__all__ = ["ColumnDrift", "DriftReport", "RenderedReport", "measure_drift", "render_report"]
