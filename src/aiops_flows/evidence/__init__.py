"""Statistics on plain arrays, seeded and without side effects: intervals, qualities, certified thresholds."""

from aiops_flows.evidence.answers import Answers
from aiops_flows.evidence.calibration import calibration_error
from aiops_flows.evidence.intervals import Interval, bootstrap_interval, exact_interval, upper_bound
from aiops_flows.evidence.resampling import resample_counts
from aiops_flows.evidence.thresholds import ThresholdCertificate, certify_threshold

__all__ = [
    "Answers",
    "Interval",
    "ThresholdCertificate",
    "bootstrap_interval",
    "calibration_error",
    "certify_threshold",
    "exact_interval",
    "resample_counts",
    "upper_bound",
]
