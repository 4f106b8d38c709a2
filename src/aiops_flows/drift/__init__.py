"""How data moved between two frames, or broke: calibrated verdicts for machines, Evidently's report for people.

The only room that imports Evidently, and only where a report is rendered.
"""

from aiops_flows.drift.measuring import measure_drift
from aiops_flows.drift.quality import find_breaks
from aiops_flows.drift.rendering import RenderedReport, render_report
from aiops_flows.drift.report import ColumnDrift, DataQualityBreak, DriftReport, SliceDrift, SlicesReport
from aiops_flows.drift.slices import measure_slices

__all__ = [
    "ColumnDrift",
    "DataQualityBreak",
    "DriftReport",
    "RenderedReport",
    "SliceDrift",
    "SlicesReport",
    "find_breaks",
    "measure_drift",
    "measure_slices",
    "render_report",
]
