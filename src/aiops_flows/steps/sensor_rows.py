"""Machines at a moment, from deliveries with one row for each machine and cycle."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, Unreadable
from aiops_flows.values.columns import read_column
from aiops_flows.values.missing import absent_of, is_missing
from aiops_flows.values.texts import label_of

__all__ = ["SensorRows", "joined_cycles", "past_looks"]

_logger = logging.getLogger("aiops_flows.intake")
_OLDEST = 2**40
_NOTHING = absent_of(frozenset({""}))


@dataclass(frozen=True)
class SensorRows:
    """What a row of sensors is, and of which cycles a case is made; declared as ``rows`` of a case type.

    A machine is looked at in every ``every``-th cycle of its life (where that has no row, in the next one that has).
    The latest look of its present life becomes a case, with the sensors' values in the ``longest`` cycles until then
    (or since the life began) as `Windows`; `past_looks` gives all of them, to learn from. Its id is
    ``machine/moment``, or ``machine/age`` where rows have no moment. What a window holds depends on the age alone: a
    cycle without a row is a gap, and a look whose window begins before the delivery does is none. So deliveries may
    overlap, and each must reach back far enough. A delivery that has the windows already passes as it is.
    """

    sensors: Sequence[str]
    """The columns of the sensors."""
    machine: str = "machine"
    age: str = "age"
    """The column that counts whole cycles (hours, days, strokes) since the machine was new or overhauled."""
    at: str | None = "at"
    """The column of the moment of a cycle. With it a machine may have several lives: one begins where age falls."""
    window: str = "sensors"
    """The field of the case that takes the windows."""
    longest: int = 30
    every: int = 1
    first: int = 1
    """The age in the first cycle of a life."""
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Sensor -> the lowest and the highest value that it can give; a row with another is told apart."""

    def __post_init__(self) -> None:
        if not self.sensors or self.longest < 1 or self.every < 1:
            raise ValueError(
                f"SensorRows of {list(self.sensors)}, longest {self.longest}, every {self.every}: name one sensor at "
                "least, and give whole numbers from 1 up"
            )

    def fits(self, case_type: type[Case], delivery: Delivery) -> bool:  # noqa: ARG002  a form of rows is asked so
        """Whether the delivery has cycles; one that has the windows already is taken as it stands."""
        return self.window not in delivery.columns

    def cases_of(self, case_type: type[Case], delivery: Delivery, now: datetime, *, past: bool) -> Delivery:  # noqa: ARG002
        """A delivery of cycles as one of machines at a moment; see `joined_cycles`."""
        return joined_cycles(self, delivery, past=past)


def past_looks(form: SensorRows, cycles: pd.DataFrame) -> pd.DataFrame:
    """Every look of every life, one row each, as `intake` takes them with ``history=True``.

    Rows that cannot be read, or contradict each other, are left out, and that is logged.

    Raises:
        SourceError: a column that is named is not there.
    """
    rows = [_named(row) for row in cycles.to_dict("records")]
    found = joined_cycles(form, Delivery("cycles", [str(name) for name in cycles], rows), past=True)
    if found.unreadable:
        first = found.unreadable[0].reason
        _logger.warning("%d cycles are left out; the first, as %s", len(found.unreadable), first)
    return pd.DataFrame(found.rows, columns=list(found.columns))


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def joined_cycles(form: SensorRows, delivery: Delivery, *, past: bool = False) -> Delivery:
    """A delivery of cycles as one of looks: of the present, or of the ``past`` as well.

    Rows that cannot be read, or contradict, are told apart: two rows for one cycle that say the same count once; where
    they differ, none is taken and the cycle is a gap. Of a machine that has fallen silent the last row is told, once.

    Raises:
        SourceError: a column that is named is not there.
    """
    _refuse_missing(form, delivery)
    cycles, refused = _read(form, delivery)
    readable = cycles[~cycles["row"].isin(list(refused))]
    refused |= _contradictions(form, readable, delivery)
    kept = readable[~readable["row"].isin(list(refused))].drop_duplicates(["machine", "moment", "age"])
    rows = [look for life in _lives(kept) for look in _looks(form, life, delivery, past=past)]
    refused |= {} if past else _silent(form, kept)
    told = [Unreadable(json.dumps(dict(delivery.rows[row]), default=str), why) for row, why in sorted(refused.items())]
    _logger.info("%s: %d cycles give %d cases of machines", delivery.name, len(kept), len(rows))
    columns = list(dict.fromkeys(name for row in rows for name in row)) or [form.machine, form.age, form.window]
    return replace(delivery, columns=columns, rows=rows, unreadable=[*delivery.unreadable, *told])


def _refuse_missing(form: SensorRows, delivery: Delivery) -> None:
    named = [form.machine, form.age, *form.sensors, *([form.at] if form.at else [])]
    if missing := [name for name in named if name not in delivery.columns]:
        raise SourceError(
            f"{delivery.name} lacks the columns {missing[:10]} of its cycles, and has no {form.window!r} with windows; "
            "say in SensorRows how they are called there"
        )


def _read(form: SensorRows, delivery: Delivery) -> tuple[pd.DataFrame, dict[int, str]]:
    """The cycles as numbers (``row``, ``machine``, ``age``, ``moment``, each sensor), and why rows are none."""
    refused: dict[int, str] = {}
    told = {name: [row.get(name) for row in delivery.rows] for name in (form.machine, form.age, *form.sensors)}
    numbers = {name: _numbers(told[name]) for name in (form.age, *form.sensors)}
    for name, (values, odd) in numbers.items():
        for row in odd:
            refused.setdefault(row, f"{name!r} is no finite number: {str(told[name][row])[:60]!a}")
        low, high = form.limits.get(name, (-np.inf, np.inf))
        for row in np.flatnonzero((values < low) | (values > high)).tolist():
            refused.setdefault(row, f"{name!r} is {values[row]:g}, outside its limits {low:g} to {high:g}")
        if name == form.age:
            wrong = ~((values >= form.first) & (values <= _OLDEST) & (values == np.floor(values)))
            for row in np.flatnonzero(wrong).tolist():
                refused.setdefault(row, f"{name!r} is no whole number from {form.first} up")
    machines = [_machine(name) for name in told[form.machine]]
    for row in [row for row, name in enumerate(machines) if not name]:
        refused.setdefault(row, f"a cycle without a {form.machine!r}: no machine is named")
    times = [row.get(form.at) for row in delivery.rows] if form.at else [None] * len(machines)
    read = read_column("time", times, _NOTHING)
    moments = pd.to_datetime(pd.Series(read.values, dtype=object), utc=True)
    for row in np.flatnonzero(moments.isna() & bool(form.at)).tolist():
        reason = read.refused.get(row, "is missing. Send 2026-03-03 or 2026-03-03T14:00:00Z")
        refused.setdefault(row, f"{form.at!r} {reason} (found {str(times[row])[:60]!a})")
    columns = {"row": np.arange(len(machines)), "machine": machines, "age": numbers[form.age][0], "moment": moments}
    return pd.DataFrame(columns | {name: numbers[name][0] for name in form.sensors}), refused


def _machine(value: Any) -> str:
    """The name of a machine as labels are written; empty where there is none."""
    try:
        return "" if is_missing(value) else label_of(value)
    except ValueError:
        return ""


def _numbers(told: list[Any]) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Values as numbers, NaN where there is none, and the places of those that are something else."""
    switches = [_as_switch(value) for value in told]
    read = read_column("number", switches, _NOTHING)
    return np.array(read.values, dtype=np.float64), sorted(read.refused)


def _as_switch(value: Any) -> Any:
    """A sensor that is on or off as 1 or 0; any other value as it is."""
    return float(value) if value is True or value is False else value


def _contradictions(form: SensorRows, cycles: pd.DataFrame, delivery: Delivery) -> dict[int, str]:
    """Rows for one cycle of one machine that do not say the same."""
    key = ["machine", "moment"] if form.at else ["machine", "age"]
    twice = cycles[cycles.duplicated(key, keep=False)]
    refused: dict[int, str] = {}
    for (machine, _), group in twice.groupby(key, dropna=False):
        if len({json.dumps(dict(delivery.rows[row]), default=str, sort_keys=True) for row in group["row"]}) > 1:
            ages = sorted(set(group["age"].tolist()))
            why = f"{len(group)} rows of {machine!a} for one cycle (age {ages[:3]}) differ; send the right one"
            refused |= dict.fromkeys(group["row"].tolist(), why)
    return refused


def _silent(form: SensorRows, cycles: pd.DataFrame) -> dict[int, str]:
    """The last row of machines that have sent none for longer than from one look to the next, while others have."""
    if form.at is None or cycles.empty:
        return {}
    ordered = cycles.sort_values("moment", kind="stable")
    step = ordered.groupby("machine")["moment"].diff().median()  # of single rows none: then nobody is silent
    last = ordered.groupby("machine").tail(1)
    gone = last[last["moment"] < ordered["moment"].iloc[-1] - form.every * step]
    return {
        row: f"{machine!a} has sent no row since {_written(moment)}, while others have: it is not looked at"
        for row, machine, moment in zip(gone["row"], gone["machine"], gone["moment"], strict=True)
    }


@dataclass(frozen=True)
class _Life:
    """The cycles of one life that a delivery holds, in order of age."""

    cycles: pd.DataFrame
    begun: bool
    """Whether the delivery holds its beginning."""
    present: bool
    """Whether it is the last of its machine."""


def _lives(cycles: pd.DataFrame) -> Iterator[_Life]:
    ordered = cycles.sort_values(["machine", "moment", "age"], kind="stable")
    for _, of_machine in ordered.groupby("machine", sort=False):
        number = (of_machine["age"].diff() < 0).cumsum()
        last = number.iloc[-1]
        for life, lived in of_machine.groupby(number, sort=True):
            yield _Life(lived.drop_duplicates("age", keep="last"), bool(life), life == last)


def _looks(form: SensorRows, life: _Life, delivery: Delivery, *, past: bool) -> Iterator[dict[str, Any]]:
    ages = life.cycles["age"].to_numpy(dtype=np.int64)
    begun = life.begun or ages[0] <= form.first
    width = np.minimum(form.longest, ages - form.first + 1)
    before = np.concatenate([[form.first - 1 if begun else ages[0] - 1], ages[:-1]])
    places = np.flatnonzero((ages // form.every > before // form.every) & (begun | (ages - width + 1 >= ages[0])))
    if not past:
        places = places[-1:] if life.present else places[:0]
    values = life.cycles[list(form.sensors)].to_numpy(dtype=np.float64)
    for place in places.tolist():
        oldest = ages[place] - width[place] + 1
        start = int(np.searchsorted(ages, oldest))
        window = np.full((len(form.sensors), int(width[place])), np.nan)
        window[:, ages[start : place + 1] - oldest] = values[start : place + 1].T
        cycle = life.cycles.iloc[place]
        yield _case(form, cycle, dict(zip(form.sensors, window.tolist(), strict=True)), delivery.rows[cycle["row"]])


def _case(form: SensorRows, cycle: Any, windows: dict[str, list[float]], row: Mapping[str, Any]) -> dict[str, Any]:
    """One machine at a moment: what its row says besides the sensors, and the windows."""
    own = {name: value for name, value in row.items() if name not in form.sensors and name != form.at}
    moment = None if form.at is None else cycle["moment"].to_pydatetime().astimezone(UTC)
    named = f"{cycle['machine']}/{int(cycle['age']) if moment is None else _written(moment)}"
    received = {} if moment is None else {"received_at": moment.isoformat()}
    return {"case_id": named} | received | own | {form.window: windows}


def _written(moment: datetime) -> str:
    """The day, and the time where it is not midnight."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.removesuffix("T00:00:00Z")
