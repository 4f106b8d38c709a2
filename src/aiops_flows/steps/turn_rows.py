"""Conversations from a file with one row for each turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, Unreadable, row_json
from aiops_flows.values.missing import is_missing
from aiops_flows.values.texts import name_of, tidy
from aiops_flows.values.times import moment_of

__all__ = ["TurnRows", "joined_turns"]


@dataclass(frozen=True)
class TurnRows:
    """A file in which each row is one turn of a conversation; the rows of a conversation become one case.

    The turns come in the order of their moments where all of them have one, else in that of the file. Of all other
    columns a case has the first value that one of its rows gives.
    """

    path: str | Path
    case_id: str = "case_id"
    """The column that tells the conversation, and becomes the id of its case."""
    speaker: str | None = "speaker"
    """The column that tells who speaks; None where only customers do."""
    text: str = "text"
    at: str | None = None
    """The column of the moment of a turn; the last one is the moment of receipt, unless ``received_at`` is a column."""
    thread: str = "thread"
    """The field of the case that takes the turns."""
    separator: str = ","
    quoted: bool = True
    """Fields may stand in double quotes. Exports parted by tabs often have quotation marks that mean nothing."""


def joined_turns(form: TurnRows, delivery: Delivery) -> Delivery:
    """A delivery of turns as one of conversations; a row that names none is told apart.

    Raises:
        SourceError: a column that is named is not there.
    """
    _refuse_missing(form, delivery)
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    nameless = []
    for row in delivery.rows:
        name = row.get(form.case_id)
        if is_missing(name) or not name_of(name).strip():
            told = row_json(row)
            nameless.append(Unreadable(told, f"a turn without a {form.case_id!r}: no conversation is named"))
        else:
            grouped.setdefault(tidy(name_of(name)), []).append(row)
    rows = [_conversation(form, name, turns) for name, turns in grouped.items()]
    own = {form.case_id, form.speaker, form.text, form.at}
    others = [name for name in delivery.columns if name not in own]
    columns = list(dict.fromkeys([*(name for row in rows for name in row), *others]))
    return replace(delivery, columns=columns, rows=rows, unreadable=[*delivery.unreadable, *nameless])


def _refuse_missing(form: TurnRows, delivery: Delivery) -> None:
    named = [name for name in (form.case_id, form.speaker, form.text, form.at) if name is not None]
    if delivery.rows and (missing := [name for name in named if name not in delivery.columns]):
        raise SourceError(
            f"{delivery.name} lacks the columns {missing} of its turns; say in TurnRows how they are called there"
        )


def _conversation(form: TurnRows, name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = {form.case_id, form.speaker, form.text, form.at}
    case: dict[str, Any] = {"case_id": name}
    for row in rows:
        for column, value in row.items():
            if column not in own and _says_nothing(case.get(column)) and not _says_nothing(value):
                case[column] = value
    moments = [] if form.at is None else [_moment(row.get(form.at)) for row in rows]
    known = [moment for moment in moments if moment is not None]
    if len(known) == len(rows):
        rows = [row for _, row in sorted(zip(known, rows, strict=True), key=lambda pair: pair[0])]
    if known:
        case.setdefault("received_at", max(known).isoformat())
    case[form.thread] = [_turn(form, row) for row in rows]
    return case


def _says_nothing(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, str) and not value)


def _turn(form: TurnRows, row: Mapping[str, Any]) -> dict[str, Any]:
    text = row.get(form.text)
    turn = {
        "speaker": "customer" if form.speaker is None else row.get(form.speaker),
        "text": "" if is_missing(text) else text,
    }
    return turn if form.at is None else turn | {"at": row.get(form.at)}


def _moment(value: Any) -> datetime | None:
    """A moment by which turns can be put in order; None where it is none."""
    try:
        return None if is_missing(value) else moment_of(value)
    except ValueError:
        return None
