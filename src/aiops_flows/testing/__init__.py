"""A conformance suite that any use case passes or fails with a sentence, and its helper for a test."""

from __future__ import annotations

from aiops_flows.testing.report import CheckResult, Report
from aiops_flows.testing.suite import CHECKS, check_conformance, conformance

__all__ = ["CHECKS", "CheckResult", "Report", "check_conformance", "conformance"]
