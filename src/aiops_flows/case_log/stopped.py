"""Which of some cases are stored, and which of them stopped their workers."""

from __future__ import annotations

from collections.abc import Sequence

from aiops_flows.case_log.frames import rows_of
from aiops_flows.case_log.log import CaseLog

__all__ = ["stopped", "stored_digests"]

_STORED = "SELECT case_id, digest FROM cases WHERE use_case = ? AND case_id = ANY(?)"
_STOPPED = "SELECT case_id, reason FROM quarantine WHERE use_case = ? AND stage = 'work' AND case_id = ANY(?)"


def stored_digests(log: CaseLog, use_case: str, case_ids: Sequence[str]) -> dict[str, str]:
    """Case id -> digest of the content, of those that are stored."""
    return {row["case_id"]: row["digest"] for row in rows_of(log, _STORED, [use_case, list(case_ids)])}


def stopped(log: CaseLog, use_case: str, case_ids: Sequence[str]) -> dict[str, str]:
    """Case id -> why it was set aside, of those that stopped their workers; quick where no case is known."""
    known = list(stored_digests(log, use_case, case_ids))
    found = rows_of(log, _STOPPED, [use_case, known]) if known else []
    return {row["case_id"]: row["reason"] for row in found}
