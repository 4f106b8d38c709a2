"""Bad rows of every kind among good ones: each in quarantine with its reason, all the others through (P8).

Some good rows come a second time with other content: each is a conflict, and stands in quarantine beside them (P5).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_origin

from pydantic import ValidationError

from aiops_flows.case_log import questions
from aiops_flows.drill.counting import count
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import case_ids, finish_cases
from aiops_flows.steps.frames import plain_type
from aiops_flows.steps.intake import take_in
from aiops_flows.use_case import Case
from aiops_flows.values.missing import absent_of

__all__ = ["poison", "poisons"]

_POISONS = 37
_CONFLICTS = 5
_FIVE_MEGABYTES = "x" * 5_000_000
_NUMBERS: list[Any] = [math.nan, math.inf, -math.inf, 1e300, -1e300, "1e999", "many", "", [1], {"a": 1}, "NaN", "\x00"]
_TEXTS: list[Any] = [
    "a\x00b",
    "lone \ud800 surrogate",
    _FIVE_MEGABYTES,
    ["a", "list"],
    {"an": "object"},
]
_OTHERS: list[Any] = ["some day", ["2026"], {"a": 1}]
_MARKUP: list[Any] = [
    "'; DROP TABLE cases; --",
    "Robert'); DROP TABLE decisions;--",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "\t=1",
    "{{7*7}}",
    "y" * 201,
]


def poisons(case_type: type[Case], good: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows that are no cases: one field of a good one spoilt, or missing."""
    for name, info in case_type.model_fields.items():
        column = name if name in good else case_type.source_name(name)
        if info.is_required():
            yield {key: value for key, value in good.items() if key != column}
        for value in _spoilt(case_type, name, column, good):
            if info.is_required() or not _says_nothing(case_type, value):
                yield {**good, column: value}


def _says_nothing(case_type: type[Case], value: Any) -> bool:
    """Whether a value is missing, which is no fault of a field that may be."""
    return absent_of(case_type.absent).covers(value) or value == "NaN"


def _spoilt(case_type: type[Case], name: str, column: str, good: dict[str, Any]) -> list[Any]:
    """Values that the field may not take."""
    kind = plain_type(case_type.model_fields[name].annotation)
    if kind in {float, int}:
        return _NUMBERS
    if get_origin(kind) is list:  # a thread takes plain text as well
        return [value for value in _TEXTS if not isinstance(value, list)]
    if kind is not str:
        return _OTHERS
    if _takes_markup(case_type, {**good, column: "<b>"}):
        return _TEXTS
    return _TEXTS + [value for value in _MARKUP if name != "case_id" or value != "+1+1"]  # an id may begin with a sign


def _takes_markup(case_type: type[Case], row: dict[str, Any]) -> bool:
    """Whether the field is free text, in which markup is no fault."""
    try:
        case_type.model_validate(row)
    except ValidationError:
        return False
    return True


def poison(
    stage: Stage, *, rows: int = 10_000, bad: int = _POISONS, told: Callable[[str], None] = lambda _: None
) -> DrillResult:
    """Take in many rows with bad ones among them, and work on the rest until every one is decided or with a person.

    Args:
        stage: where.
        rows: good and bad ones together.
        bad: of them; the same kinds come again where there are more than kinds.
        told: is told how it goes.
    """
    begun = time.monotonic()
    use_case = stage.use_case
    good = stage.rows(rows - bad, 0)
    kinds = list(poisons(use_case.case, stage.rows(1, 1)[0]))
    chosen = [dict(kinds[number * len(kinds) // bad % len(kinds)]) for number in range(bad)]
    _tell_apart(chosen, use_case.case)
    mixed = list(good)
    for number, row in enumerate(chosen):
        mixed.insert(number * max(1, len(good) // bad), row)
    conflicts = _conflicts(stage, good)
    told(f"{rows} rows with {bad} poisons of {len(kinds)} kinds, and {len(conflicts)} that conflict with stored ones")
    with stage.workspace() as place:
        finished = finish_cases(place, use_case, take_in(place, use_case, mixed))
        again = finish_cases(place, use_case, take_in(place, use_case, mixed))
        take_in(place, use_case, conflicts)
        refused = questions.quarantine(place.log, stage.name)
        counted = count(place, stage.name, case_ids(use_case, good))
    violations = [*counted.violations]
    expected = bad + len(conflicts)
    if len(refused) != expected:
        violations.append(f"{len(refused)} rows in quarantine, expected {expected}")
    reported = int(refused["reason"].str.startswith("conflict").sum())
    if reported != len(conflicts):
        violations.append(f"{reported} conflicts reported, expected {len(conflicts)}")
    if not (refused["reason"].str.len().gt(0) & refused["stage"].str.len().gt(0) & refused["attempts"].ge(1)).all():
        violations.append("a row in quarantine lacks its reason, stage or attempts")
    if counted.decided + counted.with_people != len(good) or len(finished) != len(good) or len(again) != len(good):
        violations.append(f"{counted.decided + counted.with_people} of {len(good)} good rows are through")
    seconds = round(time.monotonic() - begun, 1)
    figures = {
        "rows": rows,
        "poisons": bad,
        "kinds": len(kinds),
        "conflicts": reported,
        "quarantined": len(refused),
        "seconds": seconds,
    }
    return DrillResult("poison", {**figures, **counted.figures()}, violations)


def _conflicts(stage: Stage, good: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that have the id of a good row and the content of another one."""
    names = {"case_id", stage.use_case.case.source_name("case_id")}
    rows = zip(good, stage.rows(_CONFLICTS, 2), strict=False)
    return [{**other, **{name: row[name] for name in names if name in row}} for row, other in rows]


def _tell_apart(rows: list[dict[str, Any]], case_type: type[Case]) -> None:
    """Give each row that has an id another one, so that none is the same row twice."""
    for number, row in enumerate(rows):
        for name in ("case_id", case_type.source_name("case_id")):
            if isinstance(row.get(name), str) and row[name].isprintable() and json.dumps(row[name]).isascii():
                row[name] = f"{row[name]}-{number}"
        row["drill"] = number
