"""What a new use case will consist of: its names, its columns, its outcome, and its past, in rows."""

from __future__ import annotations

import importlib.util
import keyword
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.starting.columns import (
    ABSENT,
    MOST_LABELS,
    Column,
    guess_columns,
    guess_id,
    guess_received,
    is_name,
    moment_of,
)
from aiops_flows.starting.leaking import numbers_rows, tells_all
from aiops_flows.starting.naming import identifier
from aiops_flows.starting.outcome import Outcome, guess_outcome
from aiops_flows.starting.requests import made_up_requests
from aiops_flows.starting.wording import Wording, wording_of
from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.sources import read_file

__all__ = ["Plan", "plan_made_up", "plan_of_file"]

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_MADE_UP_ROWS = 900
_HELD_BACK = 100
_USED = {"aiops_flows", "flow", "intake", "pd", "predict", "review", "beyond", "timedelta", "datetime"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is to be written."""

    name: str
    columns: Sequence[Column]
    """Those that become fields; what names the case and tells when it was received is apart."""
    outcome: Outcome
    past: Sequence[Row]
    new: Sequence[Row]
    """Cases that are yet to be decided."""
    origin: str
    """The file's name, or nothing where the data is made up."""
    id_name: str
    """The column of the data files that names a case."""
    case_id: Column | None = None
    received: Column | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Field -> why no model sees it."""
    wordings: Mapping[str, Wording] = field(default_factory=dict)
    """Field of free text -> what was found in it."""

    @property
    def module(self) -> str:
        """The module and the flow in it."""
        return self.name.replace("-", "_")

    @property
    def constant(self) -> str:
        """What the use case is called in the module."""
        return self.module.upper()

    @property
    def texts(self) -> list[str]:
        """The fields of free text whose words the model reads."""
        return [name for name in self.wordings if name not in self.left_out]

    @property
    def words(self) -> str:
        """The derived column of their words; no field has its name."""
        taken = {each.name for each in self.columns} | {self.outcome.name}
        return next(name for name in ("words", "all_words", "words_of_case", "words_read") if name not in taken)

    @property
    def table(self) -> list[str]:
        """The fields that the model sees as they are."""
        seen = {"number", "whole number", "label"}
        return [each.name for each in self.columns if each.holds in seen and each.name not in self.left_out]

    @property
    def features(self) -> list[str]:
        """The columns that the model sees: the words first."""
        return [*[self.words] * bool(self.texts), *self.table]

    @property
    def labels(self) -> list[str]:
        """Those of the table that are labels."""
        kinds = {each.name: each.holds for each in self.columns}
        return [name for name in self.table if kinds[name] == "label"]

    def told(self, column: Column) -> str:
        """What a column was taken for, and why no model sees it or what a text is worth to one."""
        if column.name in self.left_out:
            return f"no feature: {self.left_out[column.name]}"
        wording = self.wordings.get(column.name)
        return "; ".join(filter(None, [wording.worth, wording.doubt])) if wording else column.why


def plan_made_up(name: str) -> Plan:
    """A plan from made-up requests, for who wants to see one run first.

    Raises:
        UseCaseError: the name cannot be that of a module.
    """
    rows = made_up_requests(_MADE_UP_ROWS)
    delivery = Delivery("made-up requests", list(rows[0]), rows)
    return replace(_plan(_checked_name(name), delivery, "decision", "request_no"), origin="")


def plan_of_file(name: str, path: Path, outcome: str, case_id: str = "") -> Plan:
    """A plan from a stranger's file of cases with their outcome.

    Args:
        name: of the use case: lower-case letters, digits and hyphens.
        path: a file with a header and a row a case: .csv, .parquet or .jsonl.
        outcome: the column that tells what became of a case.
        case_id: the column that names it; by default one that looks like it, else rows are numbered.

    Raises:
        UseCaseError: the name cannot be that of a module.
        SourceError: the file cannot be read, or nothing can be made of it.
    """
    return _plan(_checked_name(name), read_file(path), outcome, case_id)


def _checked_name(name: str) -> str:
    module = name.replace("-", "_")
    if not _NAME.match(name):
        raise UseCaseError(f"use case {name!r}: use lower-case letters, digits and hyphens, a letter first")
    if keyword.iskeyword(module) or module in _USED or importlib.util.find_spec(module) is not None:
        raise UseCaseError(f"{module} is a word of Python, or a module that is there already; choose another name")
    return name


def _plan(name: str, delivery: Delivery, outcome: str, case_id: str) -> Plan:
    for column in filter(None, (outcome, case_id)):
        if column not in delivery.columns:
            raise SourceError(f"{delivery.name} has no column {column!r}; it has {delivery.columns[:20]}")
    columns = guess_columns(delivery, leave_out=[outcome], taken=_added_columns(outcome))
    named = _id_column(columns, case_id, len(delivery.rows))
    received = guess_received([each for each in columns if each is not named])
    fields = [each for each in columns if each not in (named, received)]
    found = guess_outcome(outcome, [_text(row[outcome]) for row in delivery.rows])
    id_name = named.source if named else _unused("case_id", delivery.columns)
    numbered = ({id_name: f"row-{at:06d}"} for at in range(1, len(delivery.rows) + 1))
    rows = [dict(row) if named else {**number, **row} for number, row in zip(numbered, delivery.rows, strict=False)]
    rows = _in_time(rows, received)
    past = [row for row in rows if _text(row[outcome]) not in ABSENT]
    new = [row for row in rows if _text(row[outcome]) in ABSENT][-_HELD_BACK:]
    if (held := min(_HELD_BACK, len(past) // 10) - len(new)) > 0:  # an outcome may be missing here and there
        past, new = past[:-held], [*past[-held:], *new]
    wordings = _wordings(fields, past, found)
    left_out = _left_out(fields, past, new, found) | _unread(fields, wordings, past, found)
    plan = Plan(name, fields, found, past, new, delivery.name, id_name, named, received, left_out, wordings)
    if not plan.features:
        told = [f"{each.source} ({plan.left_out.get(each.name, each.holds)})" for each in fields]
        raise SourceError(
            f"{delivery.name}: no column can be learned from; expected numbers, labels or texts beside {outcome!r}, "
            f"found {told[:20]}"
        )
    return plan


def _id_column(columns: Sequence[Column], case_id: str, rows: int) -> Column | None:
    """The column that was named, else one that looks like an id."""
    if case_id:
        return next((each for each in columns if each.source == case_id), None)
    return guess_id(columns, rows)


def _added_columns(outcome: str) -> set[str]:
    """The columns that the library adds to a frame for the model of an outcome: no field may have their names."""
    name = identifier(outcome)
    return {name, *(f"{name}_{part}" for part in ("confidence", "version", "note"))}


def _unused(name: str, columns: Collection[str]) -> str:
    """The name; with a number where a column has it."""
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, len(columns) + 3))) if each not in columns)


def _in_time(rows: list[dict[str, Any]], received: Column | None) -> list[dict[str, Any]]:
    """Rows in the order of receipt; where no column tells it, in any order, as a file's own may be by kind."""
    if received is None:
        random.Random(0).shuffle(rows)  # noqa: S311  not for secrets
        return rows
    return sorted(rows, key=lambda row: moment_of(str(row[received.source]).strip(), received.form))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _left_out(columns: Sequence[Column], past: Sequence[Row], new: Sequence[Row], outcome: Outcome) -> dict[str, str]:
    """Fields that no model should see, with the reason."""
    told = [_text(row[outcome.source]) for row in past]
    found = {}
    for each in columns:
        many = each.distinct > min(MOST_LABELS, len(past) // 2)
        if each.holds not in {"label", "number", "whole number"}:
            continue
        if each.holds == "label" and many:
            found[each.name] = f"{each.distinct} different labels, too many to learn from"
        elif is_name(each) and many:
            found[each.name] = "it names something, which a model would learn by heart"
        elif numbers_rows(each, [_text(row[each.source]) for row in [*past, *new]]):
            found[each.name] = "it numbers the rows"
        elif tells_all(each, [_text(row[each.source]) for row in past], told, outcome):
            found[each.name] = "it tells the outcome, or nearly: is it known when the case comes in?"
    return found


def _wordings(columns: Sequence[Column], past: Sequence[Row], outcome: Outcome) -> dict[str, Wording]:
    """What was found in each field of free text."""
    told = [_text(row[outcome.source]) for row in past]
    texts = [each for each in columns if each.holds == "text"]
    return {each.name: wording_of(_known(each, past), told, outcome) for each in texts}


def _unread(
    columns: Sequence[Column], wordings: Mapping[str, Wording], past: Sequence[Row], outcome: Outcome
) -> dict[str, str]:
    """Fields of free text that no model should read, with the reason."""
    told = [_text(row[outcome.source]) for row in past]
    found = {name: wording.refusal for name, wording in wordings.items() if wording.refusal}
    for each in columns:
        if each.name in wordings and each.missing:
            filled = ["filled in" if value else "" for value in _known(each, past)]
            if tells_all(replace(each, holds="label", distinct=len(set(filled))), filled, told, outcome):
                found[each.name] = "whether it is filled in tells the outcome: is that known when the case comes in?"
    return found


def _known(column: Column, past: Sequence[Row]) -> list[str]:
    """The values of a column; nothing where one is missing."""
    values = (_text(row[column.source]) for row in past)
    return ["" if value in column.absent else value for value in values]
