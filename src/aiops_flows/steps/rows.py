"""The labelled rows a model learns from, is judged on and is certified on: three parts that never mix."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, questions, versions
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.parts import BY_TIME, SHARES, Cut, Part, cut, cut_of, parts_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "Labelled",
    "Part",
    "Parted",
    "arriving",
    "cut",
    "digest_of",
    "labelled_of",
    "labelled_parts",
    "labelled_rows",
    "learned_cases",
    "learned_record",
    "learned_rows",
    "parted_rows",
    "parts_of",
    "rows_of_version",
    "stored_labelled",
]


@dataclass(frozen=True)
class Labelled:
    """Cases with what turned out true of them (None: not known, see `stored_labelled`), in order of receipt."""

    cases: pd.DataFrame
    truth: np.ndarray[Any, Any]
    digest: str
    """SHA-256 over case ids, content digests and truths: the identity of the data set."""
    known_at: pd.Series[Any]
    """When the truth of each case became known; where it is not, when the case was received."""

    def __len__(self) -> int:
        return len(self.truth)

    def some(self, chosen: np.ndarray[Any, Any]) -> Labelled:
        """The chosen ones of the cases; the digest stays that of all."""
        cases, known_at = self.cases[chosen].reset_index(drop=True), self.known_at[chosen].reset_index(drop=True)
        return Labelled(cases, self.truth[chosen], self.digest, known_at)


@dataclass(frozen=True)
class Parted:
    """The labelled rows of a training in their parts, and how they were parted."""

    parts: dict[Part, Labelled]
    cut: Cut
    left_out: int
    """Rows in no part: their outcome was known only once judging had begun."""
    learned: Labelled
    """The rows that the version learns from: one part, or all of them."""
    folds: np.ndarray[Any, np.dtype[np.int64]] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Where they are cross-fitted, the fold of each row that is learned from."""


def parted_rows(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    *,
    as_of: datetime,
    window: timedelta | None = None,
    cross_fit: bool = False,
) -> Parted:
    """The cases whose outcome was known at a moment, by the parts that the use case's ``cut`` gives.

    By time, judging begins no earlier than it did for the present champion: so no champion is ever judged on what it
    learned from, however the record grows or is filled up backwards.

    Args:
        place: the case log that holds them.
        use_case: the business process.
        spec: the model whose output is the truth asked for.
        as_of: only outcomes known by then, and only cases received by then.
        window: only cases received within this time before ``as_of``.
        cross_fit: learn from all rows where the model declares that (``ModelSpec.folds``), so that the parts only say
            which of them judge and which certify; else a part is learned from, and the others are held out.
    """
    stored = stored_labelled(place, use_case, spec, as_of=as_of, window=window)
    champion = _champion_cut(place, use_case, spec)
    chosen = cut_of(use_case, stored, not_before=_champion_learned_before(use_case, champion))
    if not cross_fit or not (chosen := _learning_all(spec, chosen, len(stored))).learns_all:
        parts = chosen.parts(stored)
        rows: dict[Part, Labelled] = {part: labelled_of(use_case, spec, stored[parts == part]) for part in SHARES}
        return Parted(rows, chosen, int((parts == "").sum()), rows["train"])
    parts = chosen.parts(stored)
    if champion is not None and not champion.learns_all:  # it cannot be judged on what it learned from
        parts[(parts == "judge") & champion.learned(stored)] = "train"
    whole = labelled_of(use_case, spec, stored)
    rows = {part: replace(whole.some(parts == part), digest=digest_of(stored[parts == part])) for part in SHARES}
    folds = chosen.folds_of(stored) if chosen.folds else np.empty(0, dtype=np.int64)
    return Parted(rows, chosen, int((parts == "").sum()), whole, folds)


MOST_CROSS_FITTED = 20_000
"""Labelled rows up to which a model is cross-fitted by default: beyond, holding some out costs little."""
_FOLDS = 5


def _learning_all(spec: ModelSpec, chosen: Cut, rows: int) -> Cut:
    """The cut of a training in which every row is learned from, where the model declares that."""
    if spec.kind == "writer" or spec.folds == 0:
        return chosen
    if chosen.column == BY_TIME:
        return replace(chosen, learns_all=True)
    if spec.folds is None and (chosen.column != "case_id" or rows > MOST_CROSS_FITTED):
        return chosen
    return replace(chosen, folds=spec.folds or _FOLDS, learns_all=True)


def _champion_cut(place: Workspace, use_case: UseCase, spec: ModelSpec) -> Cut | None:
    """How the rows of the champion were parted; None where there is none."""
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    return Cut.of_record(versions.get(place.log, use_case.name, spec.name, champion.version).learned)


def _champion_learned_before(use_case: UseCase, champion: Cut | None) -> datetime | None:
    """The date from which on the champion can be judged, where it was parted by time."""
    return champion.judge_from if champion is not None and use_case.cut == BY_TIME else None


def labelled_parts(
    place: Workspace, use_case: UseCase, spec: ModelSpec, *, as_of: datetime, window: timedelta | None = None
) -> dict[Part, Labelled]:
    """The parts of `parted_rows` alone."""
    return parted_rows(place, use_case, spec, as_of=as_of, window=window).parts


def labelled_rows(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    *,
    as_of: datetime,
    part: Part,
    window: timedelta | None = None,
    most: int | None = None,
) -> Labelled:
    """The cases of one part whose outcome was known at a moment; of more than ``most`` a seeded sample.

    Of a version that is there already, `rows_of_version` gives the parts as they were.
    """
    stored = stored_labelled(place, use_case, spec, as_of=as_of, window=window)
    chosen = cut_of(
        use_case, stored, not_before=_champion_learned_before(use_case, _champion_cut(place, use_case, spec))
    )
    return _some_labelled(use_case, spec, stored[chosen.parts(stored) == part], most)


def _some_labelled(use_case: UseCase, spec: ModelSpec, chosen: pd.DataFrame, most: int | None) -> Labelled:
    if most is not None and len(chosen) > most:
        chosen = chosen.sample(most, random_state=0).sort_index()
    return labelled_of(use_case, spec, chosen)


def stored_labelled(
    place: Workspace, use_case: UseCase, spec: ModelSpec, *, as_of: datetime, window: timedelta | None
) -> pd.DataFrame:
    """The cases whose outcome was known at a moment, as the case log gives them: bodies are text.

    For a model that needs no outcomes, all cases: where none was known, ``value`` is None.
    """
    return _known(place, use_case, spec, as_of, (None if window is None else as_of - window, as_of))


def _known(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    known_by: datetime,
    span: tuple[datetime | None, datetime],
) -> pd.DataFrame:
    """The cases received within a span with the outcome that was known by a moment; see `stored_labelled`."""
    within: dict[str, Any] = {"received_from": span[0], "received_before": span[1]}
    if spec.needs_outcomes:
        return questions.labelled(place.log, use_case.name, name=spec.output, known_by=known_by, **within)
    cases = questions.cases(place.log, use_case.name, **within)
    told = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by)
    both = cases.merge(told[["case_id", "value", "known_at"]], on="case_id", how="left")
    both["value"] = both["value"].astype(object).where(both["value"].notna(), None)
    both["known_at"] = both["known_at"].fillna(both["received_at"])
    return both


def labelled_of(use_case: UseCase, spec: ModelSpec, stored: pd.DataFrame) -> Labelled:
    """Some of the cases that the case log gave, their bodies read."""
    chosen = stored.reset_index(drop=True)
    truth = np.array(chosen["value"].tolist(), dtype=float if spec.kind == "regressor" else object)
    return Labelled(stored_frame(use_case.case, chosen), truth, digest_of(chosen), chosen["known_at"])


def learned_rows(
    place: Workspace, use_case: UseCase, spec: ModelSpec, learned: str, most: int | None = None
) -> Labelled:
    """The rows a version learned from, or a sample, found again in the case log by what was recorded of them."""
    return rows_of_version(place, use_case, spec, learned, "train", most)


def rows_of_version(
    place: Workspace, use_case: UseCase, spec: ModelSpec, learned: str, part: Part, most: int | None = None
) -> Labelled:
    """One part of the rows of a version's training, or a sample, by what was recorded of them; see `learned_record`.

    Of a version that learned from all rows, ``train`` are all of them.
    """
    record = json.loads(learned)
    days = record["window_days"]
    window = None if days is None else timedelta(days=days)
    stored = stored_labelled(place, use_case, spec, as_of=datetime.fromisoformat(record["as_of"]), window=window)
    parted = Cut.of_record(record)
    chosen = parted.learned(stored) if part == "train" else parted.parts(stored) == part
    return _some_labelled(use_case, spec, stored[chosen], most)


def learned_cases(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    learned: str,
    train: Labelled,
    *,
    as_of: datetime,
    most: int,
    learns_all: bool = False,
) -> pd.DataFrame:
    """The cases of `learned_rows`, taken from the rows of a later training; only what those lack is read.

    Args:
        place: the case log that holds them.
        use_case: the business process.
        spec: the model whose output was the truth asked for.
        learned: what was recorded of a version.
        train: the rows that the later training learns from, within the declared window before ``as_of``.
        as_of: its moment.
        most: of more than so many a seeded sample.
        learns_all: whether the later training learns from every row.
    """
    record = json.loads(learned)
    parted = Cut.of_record(record)
    then, days = datetime.fromisoformat(record["as_of"]), record["window_days"]
    parted_alike = parted.column == use_case.cut != BY_TIME and parted.learns_all == learns_all
    if then > as_of or not parted_alike:
        return learned_rows(place, use_case, spec, learned, most).cases
    first = None if days is None else then - timedelta(days=days)
    begins = None if spec.train_window is None else as_of - spec.train_window
    older = _older(place, use_case, spec, parted, then, (first, begins))
    shared = np.flatnonzero(_labelled_by(place, use_case, spec, train, then, first))
    rows = pd.Series(range(len(older) + len(shared)))
    chosen = rows if len(rows) <= most else rows.sample(most, random_state=0).sort_index()
    read, taken = chosen[chosen < len(older)], chosen[chosen >= len(older)] - len(older)
    known = train.cases.iloc[shared[taken]]
    return pd.concat([stored_frame(use_case.case, older.iloc[read]), known] if len(read) else [known]).reset_index(
        drop=True
    )


def _older(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    parted: Cut,
    known_by: datetime,
    span: tuple[datetime | None, datetime | None],
) -> pd.DataFrame:
    """Stored training rows known by a moment and received within a span, from its first moment to before its second."""
    first, before = span
    if before is None or (first is not None and first >= before):
        return pd.DataFrame()
    stored = _known(place, use_case, spec, known_by, (first, min(before, known_by)))
    of_train: pd.DataFrame = stored[parted.learned(stored)]
    return of_train


def _labelled_by(
    place: Workspace, use_case: UseCase, spec: ModelSpec, train: Labelled, known_by: datetime, first: datetime | None
) -> np.ndarray[Any, Any]:
    """Which training rows were received by a moment, not before the first one, and had an outcome by then.

    What was known later may correct something known by then: only of these the case log is asked.
    """
    received = train.cases["received_at"]
    there = (received < known_by) & (first is None or received >= first)
    found = there & (train.known_at <= known_by) if spec.needs_outcomes else there
    asked = train.cases.loc[there & ~found, "case_id"].tolist()
    if asked:
        corrected = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by, case_ids=asked)
        found |= train.cases["case_id"].isin(corrected["case_id"])
    return found.to_numpy(dtype=bool)


def learned_record(
    spec: ModelSpec, as_of: datetime, rows: int, parted: Cut | None = None, unlearned: str | None = None
) -> str:
    """What `rows_of_version` needs to find the rows of each part again, as JSON text; by default cut by the case id.

    ``unlearned`` is the SHA-256 of the answers that other models gave to the rows (`StoredAnswers`), if there are any.
    """
    window = None if spec.train_window is None else spec.train_window.total_seconds() / 86_400
    part = "all" if parted is not None and parted.learns_all else "train"
    record = {"as_of": as_of.isoformat(), "window_days": window, "rows": rows, "part": part}
    record |= {} if unlearned is None else {"unlearned": unlearned}
    return json.dumps(record | (parted.as_dict() if parted else {}))


def arriving(place: Workspace, use_case: UseCase, *, as_of: datetime, rows: int = 2_000) -> pd.DataFrame:
    """The latest cases received before a moment that were worked on, labelled or not, as a frame.

    History is what was learned from, not what arrives; only while there is nothing else does it stand for it.
    """
    ask = partial(questions.cases, place.log, use_case.name, received_before=as_of, limit=rows, latest=True)
    stored = ask(worked=True)
    return stored_frame(use_case.case, ask() if stored.empty else stored)


def digest_of(stored: pd.DataFrame) -> str:
    """The identity of a data set, see `Labelled`; the order of its rows does not matter."""
    columns = (stored["case_id"].tolist(), stored["digest"].tolist(), stored["value"].tolist())
    marks = [f"{case}\x1f{digest}\x1f{value!r}" for case, digest, value in zip(*columns, strict=True)]
    return hashlib.sha256("\x1e".join(sorted(marks)).encode()).hexdigest()
