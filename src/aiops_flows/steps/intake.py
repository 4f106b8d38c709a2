"""Taking cases in: every row ends as a stored case, a known one, or a quarantined one with its reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from aiops_flows.case_log import Lease, leases, writes
from aiops_flows.case_log.writes import Reviews
from aiops_flows.errors import BatchBusy
from aiops_flows.sources.left_out import LeftOut, added_up
from aiops_flows.steps.checking import Checked, check_rows, conflict_row, fields_without_column
from aiops_flows.steps.delivery import cases_in
from aiops_flows.steps.frames import case_frame, empty_frame
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.intake_report import IntakeReport, collected_reports, publish_report, reports_in, with_reports
from aiops_flows.steps.leftovers import left_behind, suspects
from aiops_flows.steps.missing_columns import cases_that_lack, refuse_missing
from aiops_flows.steps.outcomes import outcomes_beside
from aiops_flows.steps.owners import let_go_of_the_gone
from aiops_flows.steps.sources import Delivery, Source, deliveries
from aiops_flows.steps.vanished import vanished_series
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, UseCase

__all__ = ["take_in"]

_logger = logging.getLogger("aiops_flows.intake")
_SHOWN = 10
_GRACE_SECONDS = 1.0


def take_in(place: Workspace, use_case: UseCase, source: Source, *, history: bool = False) -> pd.DataFrame:
    """The cases of a source, stored once, as a frame with the columns of the case.

    A row that does not hold to the case type, or has the id of a stored case with other content, goes to quarantine
    with the reason. From an inbox folder every waiting file is taken, and cases of batches that another worker began
    and lost come along; a batch that stopped its workers too often is given alone, in ever smaller parts. Taking the
    same in again changes nothing and gives the same cases. A batch whose worker has ended on this machine is taken over
    at once, that of a live one is waited for (in an inbox: left to it).

    Args:
        place: where to store.
        use_case: the business process the cases belong to.
        source: file, folder, frame, rows or query; see `aiops_flows.steps.sources`.
        history: the cases were decided elsewhere, before this record began: they are only learned from, and no worker
            will take them up.

    Returns:
        One row a case: ``case_id``, ``batch``, ``received_at``, then the fields of the case type. What was left out
        of the source is attached to it: see `aiops_flows.steps.intake_report.report_of`.

    Raises:
        SourceError: the source cannot be read, or lacks a column that the case needs.
        BatchBusy: another live worker has the same batch in hand, for longer than a lease lasts.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        return _from_inbox(place, use_case, Path(source), history=history)
    frames = [_store(place, use_case, delivery, history=history, patient=True) for delivery in deliveries(source)]
    return _joined(use_case, frames)


def _from_inbox(place: Workspace, use_case: UseCase, folder: Path, *, history: bool) -> pd.DataFrame:
    def take(delivery: Delivery) -> pd.DataFrame:
        return _store(place, use_case, delivery, history=history, patient=False)

    if not history:
        alone = suspects(place, use_case)
        if alone is not None:  # what is in hand beside it would fall with it; the files wait for the next run
            return alone
    with collected_reports() as reports:
        frames = work_through(place, use_case.name, folder, take)
    left = [] if history else left_behind(place, use_case)
    return with_reports(_joined(use_case, [*frames, *left]), reports)  # refused files have no frame


def _joined(use_case: UseCase, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of all; a case that came twice is kept once."""
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        joined = empty_frame(use_case)
    elif len(filled) == 1:
        joined = filled[0]
    else:
        joined = pd.concat(filled, ignore_index=True).drop_duplicates("case_id", ignore_index=True)
    return with_reports(joined, [report for frame in frames for report in reports_in(frame)])


def _store(place: Workspace, use_case: UseCase, delivery: Delivery, *, history: bool, patient: bool) -> pd.DataFrame:
    sent, delivery = delivery, cases_in(use_case.case, delivery, place.now(), past=history)
    refuse_missing(use_case, delivery)
    checked = check_rows(use_case.case, delivery)
    lacking = {} if history else cases_that_lack(use_case, delivery)
    if not len(checked) and not checked.refused:
        _logger.info("%s is empty", delivery.name)
        return with_reports(empty_frame(use_case), [_report(use_case.case, delivery, checked, [], 0)])
    lease = _claimed(place, use_case, checked.digest, delivery.name, patient=patient)
    if history:  # before its cases are stored: should this process end now, no worker must find them left behind
        leases.finish(place.log, lease)
    now = place.now()
    conflicts = _write(place, use_case, checked, lease, now, lacking)
    refused = checked.refused + [conflict_row(checked, position, delivery.name) for position in conflicts]
    if delivery is not sent and not history:
        refused += vanished_series(place, use_case, checked, delivery.name)
    if refused:
        writes.add_quarantine(place.log, use_case.name, refused, lease)
    if delivery is not sent and not history:
        outcomes_beside(place, use_case, sent)
    report = _report(use_case.case, delivery, checked, conflicts, len(refused))
    gone = set(conflicts)
    kept = checked.only([position for position in range(len(checked)) if position not in gone]) if gone else checked
    if not len(kept):
        leases.finish(place.log, lease)
    return with_reports(_frame_of(use_case.case, kept, lease.token, now), [report])


def _claimed(place: Workspace, use_case: UseCase, batch_id: str, source: str, *, patient: bool) -> Lease:
    """The lease of a batch; of one that a live worker holds only after waiting, as long as a lease lasts."""
    seconds = place.settings.lease_seconds
    until = time.monotonic() + (seconds + _GRACE_SECONDS if patient else 0)
    waits = 0
    while True:
        try:
            return leases.claim(place.log, use_case.name, batch_id, source=source, owner=place.owner, seconds=seconds)
        except BatchBusy as busy:
            if waits and time.monotonic() >= until:
                raise
            if not waits:
                let_go_of_the_gone(place.log, use_case.name)
            elif waits == 1:
                _logger.info("%s: waiting up to %.0f s: %s", source, seconds, busy)
            time.sleep(min(0.05 * waits, 1.0))
            waits += 1


def _write(
    place: Workspace,
    use_case: UseCase,
    checked: Checked,
    lease: Lease,
    now: datetime,
    lacking: Mapping[str, str],
) -> list[int]:
    """Store the cases in batches; the positions of those whose id is stored with other content.

    Cases among ``lacking`` go to people for that reason, in the write that stores them: whoever goes on with the batch
    after a crash cannot decide them either.
    """
    conflicts: list[int] = []
    size = place.settings.batch_size
    for start in range(0, len(checked), size):
        part = slice(start, start + size)
        case_ids = checked.case_ids[part]
        added = writes.add_cases(
            place.log,
            use_case.name,
            case_ids=case_ids,
            received_at=[_moment(received or now) for received in checked.columns["received_at"][part]],
            bodies=checked.bodies[part],
            digests=checked.digests[part],
            lease=lease,
            reviews=_reviews(use_case, [case_id for case_id in case_ids if case_id in lacking], lacking, now),
            policy_version=use_case.review.version,
        )
        if added.conflicts:
            differing = set(added.conflicts)
            conflicts += [start + offset for offset, case_id in enumerate(case_ids) if case_id in differing]
    return conflicts


def _reviews(use_case: UseCase, case_ids: Sequence[str], reasons: Mapping[str, str], now: datetime) -> Reviews:
    return Reviews(
        case_ids=case_ids,
        reasons=[reasons[case_id] for case_id in case_ids],
        priorities=[0.0] * len(case_ids),
        due_at=[now + use_case.review.due] * len(case_ids),
    )


def _report(
    case_type: type[Case], delivery: Delivery, checked: Checked, conflicts: Sequence[int], quarantined: int
) -> IntakeReport:
    """What became of the delivery, after it was logged."""
    left_out = [*delivery.left_out, LeftOut("row", checked.repeats, "repeats another row of the source")]
    if ignored := checked.ignored_columns:
        left_out.append(LeftOut("column", len(ignored), "not part of the case", tuple(ignored)))
    absent = fields_without_column(case_type, delivery.columns) if delivery.rows else []
    if names := tuple(case_type.source_name(name) for name in absent if name not in case_type.optional_columns):
        left_out.append(LeftOut("missing column", len(names), "the source has none for this field", names))
    report = IntakeReport(
        sources=(delivery.name,),
        cases=len(checked) - len(conflicts),
        quarantined=quarantined,
        left_out=tuple(added_up(left_out)),
        readings=(*delivery.notes, *checked.notes),
    )
    _logger.info("%s: %d cases, %d rows to quarantine", delivery.name, report.cases, report.quarantined)
    for note in report.readings:
        _logger.info("%s: %s", delivery.name, note)
    for part in report.left_out:
        shown = f": {list(part.names[:_SHOWN])}" if part.names else ""
        _logger.info("%s: left out: %s%s", delivery.name, part, shown)
    publish_report(report)
    return report


def _moment(moment: datetime) -> str:
    """As the case log writes it, at a fifth of the cost of ``strftime``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _frame_of(case_type: type[Case], checked: Checked, token: str, now: datetime) -> pd.DataFrame:
    received = [moment or now for moment in checked.columns["received_at"]]
    return case_frame(case_type, checked.columns | {"received_at": received, "batch": [token] * len(checked)})
