"""Batches that a worker began and lost: going on with them, and finding the case that stops every worker.

A batch has as many attempts as the settings say, the last of them alone, so that it does not suffer for another one.
Then it is halved, and halved again: a half is a batch of its own, named ``batch/bits``, which holds the cases whose
hashed id begins with these bits. A case that stops the worker when it is alone goes to quarantine and to a person.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import pandas as pd

from aiops_flows.case_log import Lease, leases, questions, writes
from aiops_flows.case_log.writes import QuarantineRow, Reviews
from aiops_flows.errors import BatchBusy
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.owners import let_go_of_the_gone
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["left_behind", "suspects", "unfinished"]

_logger = logging.getLogger("aiops_flows.leftovers")
_HALF = "/"
_AT_ONCE = 20  # batches: whatever ends the worker counts as an attempt of all that it holds


def unfinished(place: Workspace, use_case: UseCase, lease: Lease) -> pd.DataFrame:
    """The stored cases of a batch, or of a half of one, that have neither a decision nor a review."""
    batch_id, _, bits = lease.batch_id.partition(_HALF)
    stored = questions.unfinished(place.log, use_case.name, batch_id)
    chosen = [_bits(case_id).startswith(bits) for case_id in stored["case_id"]]
    return stored[chosen].reset_index(drop=True) if bits else stored


def _bits(case_id: str) -> str:
    """The hashed id in binary digits: it divides a batch the same way each time, whatever is added to it."""
    return f"{int.from_bytes(hashlib.sha256(case_id.encode()).digest()):0256b}"


def left_behind(place: Workspace, use_case: UseCase) -> list[pd.DataFrame]:
    """Frames of the cases of batches whose worker is gone: stored, but neither decided nor with a person."""
    found = _taken_over(place, use_case, limit=_AT_ONCE)
    for lease, stored in found:
        _logger.info("batch %s goes on with %d cases that were left", lease.batch_id[:12], len(stored))
    return [_frame(use_case, lease, stored) for lease, stored in found]


def suspects(place: Workspace, use_case: UseCase) -> pd.DataFrame | None:
    """Cases of a batch that stopped its workers, or of a half of it, to be worked on alone; None where there are none.

    What stopped the worker even so is halved; a single case goes to quarantine and to a person.
    """
    allowed = place.settings.attempts
    while found := _taken_over(place, use_case, limit=1, attempts=max(2, allowed)):
        lease, stored = found[0]
        if lease.attempts <= allowed:
            _logger.warning("batch %s, of %d cases, is worked on alone", lease.batch_id, len(stored))
            return _frame(use_case, lease, stored)
        if len(stored) > 1:
            _halve(place, use_case, lease, stored["case_id"].tolist())
        else:
            _set_aside(place, use_case, lease, stored)
        leases.finish(place.log, lease)
    return None


def _taken_over(
    place: Workspace, use_case: UseCase, *, limit: int, attempts: int = 1
) -> list[tuple[Lease, pd.DataFrame]]:
    """Batches taken over from workers that are gone or silent, with what is left to do: one at least, where any is."""
    let_go_of_the_gone(place.log, use_case.name)
    seconds = place.settings.lease_seconds
    while taken := leases.claim_unfinished(
        place.log, use_case.name, owner=place.owner, seconds=seconds, limit=limit, attempts=attempts
    ):
        found = [(lease, unfinished(place, use_case, lease)) for lease in taken]
        for lease, stored in found:
            if stored.empty:
                leases.finish(place.log, lease)
        if left := [(lease, stored) for lease, stored in found if not stored.empty]:
            return left
    return []


def _frame(use_case: UseCase, lease: Lease, stored: pd.DataFrame) -> pd.DataFrame:
    batch_id = lease.batch_id.partition(_HALF)[0]
    return stored_frame(use_case.case, stored, {batch_id: lease.token})


def _halve(place: Workspace, use_case: UseCase, lease: Lease, case_ids: Sequence[str]) -> None:
    """Make two batches of the cases, open to every worker."""
    bits = [_bits(case_id) for case_id in case_ids]
    common = next(
        bits[0][:end] for end in range(len(bits[0]), -1, -1) if all(b.startswith(bits[0][:end]) for b in bits)
    )
    batch_id = lease.batch_id.partition(_HALF)[0]
    _logger.warning("batch %s stopped its workers %d times; it is halved", lease.batch_id[:12], lease.attempts - 1)
    for bit in "01":
        try:
            half = leases.claim(
                place.log,
                use_case.name,
                f"{batch_id}{_HALF}{common}{bit}",
                source=f"half of {lease.batch_id}",
                owner=place.owner,
                seconds=place.settings.lease_seconds,
                attempts=place.settings.attempts,
            )
        except BatchBusy:  # another worker halved it before, and has it in hand
            continue
        leases.release(place.log, half)


def _set_aside(place: Workspace, use_case: UseCase, lease: Lease, stored: pd.DataFrame) -> None:
    """Quarantine a case that stops every worker, and put it to a person."""
    case = stored.iloc[0]
    attempts = max(lease.attempts - 1, place.settings.attempts)
    reason = f"it stopped the worker {attempts} times, at last when it was worked on alone"
    _logger.error("case %s goes to quarantine and to a person: %s", case["case_id"], reason)
    digest = hashlib.sha256(f"{case['case_id']} {case['digest']}".encode()).hexdigest()
    row = QuarantineRow(case["case_id"], digest, "work", reason, case["body"], lease.batch_id, attempts)
    writes.add_quarantine(place.log, use_case.name, [row], lease)
    due = place.now() + use_case.review.due
    writes.add_verdicts(
        place.log,
        use_case.name,
        policy_version=use_case.review.version,
        reviews=Reviews(case_ids=[case["case_id"]], reasons=[reason], priorities=[0.0], due_at=[due]),
        tokens=[lease.token],
    )
