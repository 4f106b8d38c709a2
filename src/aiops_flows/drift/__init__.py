"""How data moved between two frames, or broke: calibrated verdicts for machines, Evidently's report for people.

The only room that imports Evidently, and only where a report is rendered.
"""

from aiops_flows.drift.measuring import measure_drift
from aiops_flows.drift.quality import find_breaks
from aiops_flows.drift.rendering import RenderedReport, render_report
from aiops_flows.drift.report import ColumnDrift, DataQualityBreak, DriftReport

__all__ = [
    "ColumnDrift",
    "DataQualityBreak",
    "DriftReport",
    "RenderedReport",
    "find_breaks",
    "measure_drift",
    "render_report",
]
