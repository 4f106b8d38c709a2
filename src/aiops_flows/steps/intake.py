"""Taking cases in: every row ends as a stored case, a known one, or a quarantined one with its reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import Lease, leases, questions, writes
from aiops_flows.steps.checking import Checked, check_rows, conflict_row
from aiops_flows.steps.frames import case_frame, empty_frame, stored_frame
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.sources import Delivery, Source, deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, UseCase

__all__ = ["take_in"]

_logger = logging.getLogger("aiops_flows.intake")
_SHOWN = 10


def take_in(place: Workspace, use_case: UseCase, source: Source, *, history: bool = False) -> pd.DataFrame:
    """The cases of a source, stored once, as a frame with the columns of the case.

    A row that does not hold to the case type, or has the id of a stored case with other content, goes to quarantine
    with the reason. From an inbox folder every waiting file is taken, and cases of batches that another worker began
    and lost come along. Taking the same in again changes nothing and gives the same cases.

    Args:
        place: where to store.
        use_case: the business process the cases belong to.
        source: file, folder, frame, rows or query; see `aiops_flows.steps.sources`.
        history: the cases were decided elsewhere, before this record began: they are only learned from, and no worker
            will take them up.

    Returns:
        One row a case: ``case_id``, ``batch``, ``received_at``, then the fields of the case type.

    Raises:
        SourceError: the source cannot be read, or lacks a column that the case needs.
        BatchBusy: another live worker has the same batch in hand.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        return _from_inbox(place, use_case, Path(source), history=history)
    frames = [_store(place, use_case, delivery, history=history) for delivery in deliveries(source)]
    return _joined(use_case, frames)


def _from_inbox(place: Workspace, use_case: UseCase, folder: Path, *, history: bool) -> pd.DataFrame:
    frames = work_through(
        place, use_case.name, folder, lambda delivery: _store(place, use_case, delivery, history=history)
    )
    left = [] if history else [_left_behind(place, use_case)]
    return _joined(use_case, [*frames, *left])


def _left_behind(place: Workspace, use_case: UseCase) -> pd.DataFrame:
    """Cases of batches whose worker is gone: stored, but neither decided nor with a person."""
    seconds = place.settings.lease_seconds
    taken = leases.claim_unfinished(place.log, use_case.name, owner=place.owner, seconds=seconds)
    frames = []
    for lease in taken:
        stored = questions.unfinished(place.log, use_case.name, lease.batch_id)
        if stored.empty:
            leases.finish(place.log, lease)
            continue
        _logger.info("batch %s goes on with %d cases that were left", lease.batch_id[:12], len(stored))
        frames.append(stored_frame(use_case.case, stored, {lease.batch_id: lease.token}))
    return _joined(use_case, frames)


def _joined(use_case: UseCase, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of all; a case that came twice is kept once."""
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        return empty_frame(use_case)
    if len(filled) == 1:
        return filled[0]
    return pd.concat(filled, ignore_index=True).drop_duplicates("case_id", ignore_index=True)


def _store(place: Workspace, use_case: UseCase, delivery: Delivery, *, history: bool) -> pd.DataFrame:
    checked = check_rows(use_case.case, delivery)
    if not checked.cases and not checked.refused:
        _logger.info("%s is empty", delivery.name)
        return empty_frame(use_case)
    lease = leases.claim(
        place.log,
        use_case.name,
        checked.digest,
        source=delivery.name,
        owner=place.owner,
        seconds=place.settings.lease_seconds,
    )
    conflicts = _write(place, use_case, checked, lease)
    refused = checked.refused + [conflict_row(checked, position, delivery.name) for position in conflicts]
    if refused:
        writes.add_quarantine(place.log, use_case.name, refused, lease)
    _report(delivery, checked, len(conflicts))
    gone = set(conflicts)
    kept = [case for position, case in enumerate(checked.cases) if position not in gone] if gone else checked.cases
    if history or not kept:
        leases.finish(place.log, lease)
    return _frame_of(use_case.case, kept, lease.token)


def _write(place: Workspace, use_case: UseCase, checked: Checked, lease: Lease) -> list[int]:
    """Store the cases in batches; the positions of those whose id is stored with other content."""
    now = _moment(datetime.now(UTC))
    conflicts: list[int] = []
    size = place.settings.batch_size
    for start in range(0, len(checked.cases), size):
        part = slice(start, start + size)
        cases = checked.cases[part]
        added = writes.add_cases(
            place.log,
            use_case.name,
            case_ids=[case.case_id for case in cases],
            received_at=[now if case.received_at is None else _moment(case.received_at) for case in cases],
            bodies=checked.bodies[part],
            digests=checked.digests[part],
            lease=lease,
        )
        if added.conflicts:
            differing = set(added.conflicts)
            conflicts += [start + offset for offset, case in enumerate(cases) if case.case_id in differing]
    return conflicts


def _report(delivery: Delivery, checked: Checked, conflicts: int) -> None:
    _logger.info(
        "%s: %d cases, %d rows to quarantine",
        delivery.name,
        len(checked.cases) - conflicts,
        len(checked.refused) + conflicts,
    )
    if checked.ignored_columns:
        _logger.info("%s: columns that are not part of the case: %s", delivery.name, checked.ignored_columns[:_SHOWN])


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _frame_of(case_type: type[Case], cases: Sequence[Case], token: str) -> pd.DataFrame:
    values = [case.__dict__ for case in cases]
    columns: dict[str, list[Any]] = {name: [row[name] for row in values] for name in case_type.model_fields}
    now = datetime.now(UTC)
    columns["received_at"] = [moment or now for moment in columns["received_at"]]
    return case_frame(case_type, columns | {"batch": [token] * len(cases)})
