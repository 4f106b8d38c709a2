"""One table through every door, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from aiops_flows.steps.checking import Checked, check_rows
from aiops_flows.steps.frames import case_frame, stored_frame
from aiops_flows.steps.sources import deliveries
from benchmarks.doors.doors import DOORS
from benchmarks.doors.table import Shipment, Table, random_table

__all__ = ["Difference", "answering", "differences"]

_NUMBERS = ["weight", "pieces", "price", "took"]
_LABELS = ["label"]


@dataclass(frozen=True)
class Difference:
    """What one door made otherwise than the first."""

    door: str
    what: str


def answering(random: Random) -> Pipeline:
    """A classifier that has learned from one table and answers about any."""
    tables = [random_table(random, 12, 14) for _ in range(20)]
    frames = [_live(_taken(Random(at), "mappings", table, Path())) for at, table in enumerate(tables)]
    rows = pd.concat(frames, ignore_index=True)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()), _NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), _LABELS),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=200))
    return model.fit(rows, np.where(rows["weight"].fillna(0) > 0, "up", "down"))


def differences(random: Random, table: Table, folder: Path, model: Pipeline) -> Iterator[Difference]:
    """What differs between the doors for one table, and between a live frame and a stored one."""
    first: tuple[Checked, pd.DataFrame] | None = None
    frames: dict[str, pd.DataFrame] = {}
    for door in DOORS:
        try:
            checked = _taken(random, door, table, folder)
        except Exception as fault:  # noqa: BLE001 - a door that stops is the worst difference: count it, go on
            yield Difference(door, f"stops with {type(fault).__name__}: {fault}")
            continue
        if checked.refused:
            yield Difference(door, f"refuses {checked.refused[0].reason}: {checked.refused[0].raw}")
            continue
        frames[door] = live = _live(checked)
        yield from _between(door, live, _stored(checked), "live and stored")
        if first is None:
            first = checked, live
            yield from _against_the_table(door, checked, table)
        else:
            yield from _cases(door, checked, first[0])
            yield from _between(door, live, first[1], "frames")
    yield from _answers(frames, model)


def _answers(frames: Mapping[str, pd.DataFrame], model: Pipeline) -> Iterator[Difference]:
    """Whether the model answers every door's frame alike; it is asked about all of them at once."""
    answers = model.predict(pd.concat(frames.values(), ignore_index=True))
    parts = np.split(answers, np.cumsum([len(frame) for frame in frames.values()])[:-1])
    for door, part in zip(frames, parts, strict=True):
        if list(part) != list(parts[0]):
            yield Difference(door, "the answers differ")


def _taken(random: Random, door: str, table: Table, folder: Path) -> Checked:
    (delivery,) = deliveries(DOORS[door](random, table, folder))
    return check_rows(Shipment, delivery)


def _live(checked: Checked) -> pd.DataFrame:
    return case_frame(Shipment, checked.columns | {"batch": [""] * len(checked)})


def _stored(checked: Checked) -> pd.DataFrame:
    received = pd.Series(pd.NaT, range(len(checked)), dtype="datetime64[us, UTC]")
    return stored_frame(
        Shipment, pd.DataFrame({"case_id": checked.case_ids, "received_at": received, "body": checked.bodies})
    )


def _against_the_table(door: str, checked: Checked, table: Table) -> Iterator[Difference]:
    """Whether the values are those of the table; nested ones are compared as JSON has them, through the bodies."""
    expected = [
        Shipment.model_validate({"case_id": case_id} | {name: column[at] for name, column in table.columns.items()})
        for at, case_id in enumerate(table.ids)
    ]
    bodies = [case.model_dump_json(exclude={"case_id"}) for case in expected]
    for body, own in zip(bodies, checked.bodies, strict=True):
        if body != own:
            yield Difference(door, f"{own} where the table has {body}")


def _cases(door: str, checked: Checked, first: Checked) -> Iterator[Difference]:
    if checked.case_ids != first.case_ids:
        yield Difference(door, f"ids {checked.case_ids} instead of {first.case_ids}")
    for own, other in zip(checked.bodies, first.bodies, strict=False):
        if own != other:
            yield Difference(door, f"{own} instead of {other}")


def _between(door: str, one: pd.DataFrame, other: pd.DataFrame, what: str) -> Iterator[Difference]:
    if one.equals(other) and (one.dtypes == other.dtypes).all():
        return
    try:
        pd.testing.assert_frame_equal(one, other)
    except AssertionError as fault:
        yield Difference(door, f"{what}: {' '.join(str(fault).split())}")
