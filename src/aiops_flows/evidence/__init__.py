"""Statistics on plain arrays, seeded and without side effects: intervals, qualities, certified thresholds."""

from aiops_flows.evidence.answers import Answers
from aiops_flows.evidence.auditing import AuditEstimate, audit_probabilities, audited_share, selected
from aiops_flows.evidence.betting import confidence_sequence, e_process
from aiops_flows.evidence.calibration import calibration_error
from aiops_flows.evidence.intervals import Interval, bootstrap_interval, exact_interval, upper_bound
from aiops_flows.evidence.paired import PairedVerdict, compare_paired
from aiops_flows.evidence.planning import LabelsPlan, coverage_with_more_labels
from aiops_flows.evidence.resampling import resample_counts
from aiops_flows.evidence.standing import Watch, watch_mean
from aiops_flows.evidence.thresholds import ThresholdCertificate, certify_threshold

__all__ = [
    "Answers",
    "AuditEstimate",
    "Interval",
    "LabelsPlan",
    "PairedVerdict",
    "ThresholdCertificate",
    "Watch",
    "audit_probabilities",
    "audited_share",
    "bootstrap_interval",
    "calibration_error",
    "certify_threshold",
    "compare_paired",
    "confidence_sequence",
    "coverage_with_more_labels",
    "e_process",
    "exact_interval",
    "resample_counts",
    "selected",
    "upper_bound",
    "watch_mean",
]
