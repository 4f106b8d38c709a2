"""Series that had a line for the last period and are no longer told: said once, and put where a person sees it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pydantic_core import from_json

from aiops_flows.case_log import questions
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.series.period_names import read_period
from aiops_flows.series.periods import start_of
from aiops_flows.steps.checking import Checked
from aiops_flows.steps.series_form import SeriesForm
from aiops_flows.steps.series_outcomes import field_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["vanished_series"]

_logger = logging.getLogger("aiops_flows.series")
_LOOKED_BACK = 13  # periods


def vanished_series(place: Workspace, use_case: UseCase, checked: Checked, source: str) -> list[QuarantineRow]:
    """A row for the quarantine for each series of the last lines before these that has no row in a delivery.

    Only series of a site that the delivery names are looked for. The same again gives the same rows.
    """
    form = use_case.case.rows
    if not isinstance(form, SeriesForm) or not form.whole or not len(checked):
        return []
    label = checked.case_ids[0].rpartition("/")[2]
    told = {case_id.rpartition("/")[0] for case_id in checked.case_ids}
    told |= {row.case_id.rpartition("/")[0] for row in checked.refused if row.case_id}
    last = [case_id for case_id in _last_lines(place, use_case, form, label) if case_id.rpartition("/")[0] not in told]
    if not last:
        return []
    fields = [field_of(use_case.case, name) for name in form.key]
    sites = set(zip(*(map(str, checked.columns[name]) for name in fields[1:]), strict=True)) or {()}
    stored = questions.cases(place.log, use_case.name, case_ids=last)
    bodies = zip(stored["case_id"].tolist(), from_json("[" + ",".join(stored["body"].tolist()) + "]"), strict=True)
    keys = {case_id: [str(body.get(name)) for name in fields] for case_id, body in bodies}
    gone = [_row(case_id, dict(zip(fields, key, strict=True)), label, source) for case_id, key in keys.items()
            if tuple(key[1:]) in sites]  # fmt: skip
    if gone:
        _logger.warning("%s: %d series have vanished: a line before %s and no row now", source, len(gone), label)
    return gone


def _last_lines(place: Workspace, use_case: UseCase, form: SeriesForm, label: str) -> Sequence[str]:
    """The ids of the lines of the last period before this one of which there are any."""
    first = _number(label, form)
    if first is None:
        return []
    since = start_of(first - _LOOKED_BACK, form.every, form.zone).astimezone(UTC)
    known = questions.received(place.log, use_case.name, received_from=since)["case_id"].tolist()
    by_period: dict[str, list[str]] = {}
    for case_id in known:
        by_period.setdefault(case_id.rpartition("/")[2], []).append(case_id)
    numbers = {number: named for named in by_period if (number := _number(named, form)) is not None and number < first}
    return by_period[numbers[max(numbers)]] if numbers else []


def _number(label: str, form: SeriesForm) -> int | None:
    try:
        return next(iter(read_period(f"{label}:00Z" if form.every == "hour" else label, form.every)), None)
    except (ValueError, OverflowError):
        return None


def _row(case_id: str, key: dict[str, Any], label: str, source: str) -> QuarantineRow:
    named = f"{case_id.rpartition('/')[0]}/{label}"
    reason = f"vanished: {case_id} has a line, and no row tells of the series now; is it still kept?"
    raw = json.dumps({"case_id": named, "last": case_id} | key)
    return QuarantineRow(named[:200], hashlib.sha256(raw.encode()).hexdigest(), "intake", reason, raw, source)
