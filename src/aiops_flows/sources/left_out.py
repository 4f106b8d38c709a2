"""What a source holds that its cases do not, each kind with its count and its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["LeftOut", "Thing", "added_up", "counted"]

Thing = Literal[
    "row",
    "empty row",
    "header row",
    "column",
    "empty column",
    "missing column",
    "sheet",
    "period",
    "header end",
]
"""What can be left out.

``row``: a row that is in no case and not in quarantine either, such as the same row sent twice.
``empty row``, ``empty column``: cells without a value, around a table or in it.
``header row``: the header again, further down.
``column``: a column that is not part of the case. ``missing column``: a field of the case that the source lacks.
``sheet``: a sheet of a spreadsheet. ``period``: a period of a series.
``header end``: a mail header that was longer than is read.

Rows in quarantine are counted by themselves: see ``IntakeReport.quarantined``.
"""


@dataclass(frozen=True)
class LeftOut:
    """One kind of thing that was left out of a source.

    Readers of files, mails and series put these into ``Delivery.left_out``; from there they reach the frame that
    `intake` returns, the log, the message of the task run, and ``aiops-flows run``.
    """

    thing: Thing
    count: int
    reason: str
    """Why, in a few words that fit behind a count: "not part of the case". Never a value of a row."""
    names: tuple[str, ...] = ()
    """The columns or periods, where they have names. They go to the log, not to Prefect."""

    def __str__(self) -> str:
        """Such as ``3 empty rows (no value in any column)``."""
        return f"{counted(self.count, self.thing)} ({self.reason})"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {"thing": self.thing, "count": self.count, "reason": self.reason, "names": list(self.names)}

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> LeftOut:
        """What `as_dict` wrote.

        Raises:
            ValueError: it was written by another version of the library.
        """
        if values["thing"] not in get_args(Thing):
            raise ValueError(f"{values['thing']!r} is not one of {get_args(Thing)}")
        return cls(values["thing"], values["count"], values["reason"], tuple(values["names"]))


def added_up(parts: Iterable[LeftOut]) -> Sequence[LeftOut]:
    """The same with one entry for each thing and reason: counts are added, names are joined."""
    total: dict[tuple[Thing, str], LeftOut] = {}
    for part in parts:
        key = (part.thing, part.reason)
        before = total.get(key, LeftOut(part.thing, 0, part.reason))
        names = tuple(dict.fromkeys([*before.names, *part.names]))
        total[key] = LeftOut(part.thing, before.count + part.count, part.reason, names)
    return [part for part in total.values() if part.count]


def counted(count: int, thing: str) -> str:
    """Such as ``1 row`` and ``1,200 rows``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
