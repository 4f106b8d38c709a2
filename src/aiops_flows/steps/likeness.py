"""Whether a batch is like the rows that a certificate rests on; what is not like them goes to people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.evidence.shift import chance_of_more
from aiops_flows.steps.certificate import CertifiedRows, Mark, MarkKind
from aiops_flows.steps.parts import BY_TIME
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["FEWEST_COMPARED", "MOST_COMPARED", "Before", "Unlike", "describe_rows", "unlike_parts"]

FEWEST_COMPARED = 200
"""A smaller batch is compared together with the latest cases before it, up to so many in all."""

MOST_COMPARED = 1_000
"""So many of the latest answers are compared once more: they show a change that is too small for the first window."""

_TOLERANCE = 0.025
"""Shares that differ by less are never called unlike, however many cases there are; half of ``max_error``, if more."""
_QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90)
_MOST_ANSWERS = 12
_FEWEST_OF_A_VALUE = 5
"""A value that fewer rows have is not remembered: it could be somebody."""
_MOST_VALUES = 300

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Before:
    """The latest cases before a batch, oldest first."""

    cases: pd.DataFrame
    """At most `FEWEST_COMPARED`, with columns as `predict` gives them."""
    answers: pd.DataFrame
    """At most `MOST_COMPARED`, the columns of `answer_columns` alone: to make features of so many takes too long."""

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame) -> Before:
        """From whole cases, with columns as `predict` gives them."""
        answers = frame[cls.answer_columns(use_case)]
        return cls(frame.tail(FEWEST_COMPARED), answers.tail(MOST_COMPARED))

    @staticmethod
    def answer_columns(use_case: UseCase) -> list[str]:
        """What the models on which decisions rest have answered, and how sure they were."""
        return [name for spec in use_case.decisive for name in (spec.output, f"{spec.output}_confidence")]


@dataclass(frozen=True)
class Unlike:
    """Cases of a batch that the certificate does not cover, and why."""

    cases: Mask
    reason: str


@dataclass(frozen=True)
class _Window:
    """A batch together with the latest cases before it."""

    batch: pd.DataFrame
    before: pd.DataFrame

    @property
    def cases(self) -> int:
        """How many there are in all."""
        return len(self.batch) + len(self.before)

    def marks(self, marks: Sequence[Mark]) -> list[Mark]:
        """Those of the marks that all of its cases can show."""
        return [mark for mark in marks if self.before.empty or mark.column in self.before.columns]

    def share(self, mark: Mark) -> float:
        """How many of them have a mark."""
        hits = int(_having(mark, self.batch).sum())
        if len(self.before):
            hits += int(_having(mark, self.before).sum())
        return hits / self.cases

    def draws(self, use_case: UseCase) -> int:
        """How many independent draws they are: all of them, or as many as the cut's field has values."""
        if _rows_count(use_case):
            return self.cases
        return len({*self.batch[use_case.cut], *self.before[use_case.cut]})


@dataclass(frozen=True)
class _Found:
    """A share that was compared."""

    mark: Mark
    more: bool
    """Whether more cases have it than is to be expected; else fewer."""
    share: float
    expected: float

    @property
    def difference(self) -> float:
        """How far the share is from what is to be expected."""
        return abs(self.share - self.expected)


@dataclass(frozen=True)
class _Marks:
    """What is to be remembered of rows, as it is collected."""

    frame: pd.DataFrame
    marks: list[Mark] = field(default_factory=list)

    def add(self, kind: MarkKind, column: str, **of: Any) -> None:
        """Remember how many rows have a mark."""
        mark = Mark(kind, column, 0, **of)
        self.marks.append(Mark(kind, column, int(_having(mark, self.frame).sum()), **of))


def describe_rows(use_case: UseCase, frame: pd.DataFrame) -> CertifiedRows:
    """What a certificate has to remember of its rows, so that batches can be compared with them.

    Shares alone: how often each answer was given, how sure the models were, how often a feature was missing, had a
    value that few rows have, or lay outside the usual range. No value of a case is stored in the clear.

    Where the cut is by time, answers are not compared: they move with the season, which a few periods cannot show.
    Where it is by another field, such as a machine, rows of one value are alike, so that values count and not rows.

    Args:
        use_case: the business process.
        frame: the rows, as `predict` gives them.
    """
    marks = _Marks(frame)
    for spec in use_case.decisive if use_case.cut != BY_TIME else []:
        _describe_answers(marks, spec)
    names = dict.fromkeys(name for spec in use_case.decisive for name in spec.features if name in frame.columns)
    for name in names:
        if name != use_case.cut:
            _describe_feature(marks, name)
    draws = len(frame) if _rows_count(use_case) else int(frame[use_case.cut].nunique())
    return CertifiedRows(len(frame), marks.marks, draws)


def _describe_answers(marks: _Marks, spec: ModelSpec) -> None:
    answers = marks.frame[spec.output]
    if spec.kind == "classifier":
        counts = answers.dropna().astype(str).value_counts()
        common = counts.index[:_MOST_ANSWERS].tolist()
        for name in common:
            marks.add("answer", spec.output, values=[name])
        marks.add("answer", spec.output, values=common, others=True)
    else:
        for limit in _limits(answers):
            marks.add("quantity", spec.output, limit=limit)
    for limit in _limits(marks.frame[f"{spec.output}_confidence"]):
        marks.add("confidence", f"{spec.output}_confidence", limit=limit)


def _limits(numbers: pd.Series[Any]) -> list[float]:
    """The distinct quantiles of a column that splits its rows."""
    known = pd.to_numeric(numbers).dropna()
    if known.empty:
        return []
    limits = sorted({float(limit) for limit in np.quantile(known, _QUANTILES, method="lower")})
    return [limit for limit in limits if limit < float(known.max())]


def _describe_feature(marks: _Marks, name: str) -> None:
    column = marks.frame[name]
    marks.add("missing", name)
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return
    if pd.api.types.is_numeric_dtype(column):
        known = column.dropna()
        if len(known):
            low, high = np.quantile(known, [0.005, 0.995])
            marks.add("outside", name, low=float(low), limit=float(high))
        return
    if not column.dropna().map(lambda value: isinstance(value, str)).all():
        return
    counts = column.dropna().value_counts()
    common = counts[counts >= _FEWEST_OF_A_VALUE].index.tolist()
    if common and len(common) <= _MOST_VALUES and 2 * int(counts[common].sum()) >= len(column):
        marks.add("rare", name, values=[_digest(value) for value in common])


def _digest(value: str) -> str:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _having(mark: Mark, frame: pd.DataFrame) -> Mask:
    """Which cases of a frame have the mark."""
    column = frame[mark.column]
    if mark.kind == "missing":
        return np.asarray(column.isna(), dtype=bool)
    if mark.kind == "answer":
        named = np.asarray(column.astype(str).isin(mark.values), dtype=bool)
        return ~named if mark.others else named
    if mark.kind == "rare":
        places, values = pd.factorize(column.astype(object))
        known = set(mark.values)
        rare = np.array([*(_digest(str(value)) not in known for value in values.tolist()), False], dtype=bool)
        return np.asarray(rare[places], dtype=bool)
    numbers = pd.to_numeric(column).to_numpy(dtype=np.float64)
    if mark.kind == "outside":
        return np.asarray((numbers < mark.low) | (numbers > mark.limit), dtype=bool)
    return np.asarray(numbers <= mark.limit, dtype=bool)


def unlike_parts(use_case: UseCase, certified: CertifiedRows, batch: pd.DataFrame, before: Before) -> list[Unlike]:
    """The cases of a batch that are not like the certified rows.

    Each share that is remembered is compared by an exact test in the last `FEWEST_COMPARED` cases, and those of answers
    and confidence once more in the last `MOST_COMPARED`. The false alarms that the policy allows are divided: one half
    among all these tests; the other half goes to single cases that lack a feature which no certified row lacked.

    A difference must also be half as large as ``max_error`` (2.5 % at least): where fewer cases differ, they cannot do
    much more harm than is promised, and a large batch is never exactly like any other. What only the longer window
    proves counts while the shorter one shows half of it, so that a change that is over is soon forgotten.

    Args:
        use_case: the business process.
        certified: what the certificate remembers of its rows.
        batch: the cases, as `predict` gives them.
        before: the latest cases before them; may be empty.
    """
    marks = [mark for mark in certified.marks if mark.column in batch.columns]
    if not marks or batch.empty:
        return []
    chance = use_case.review.batch_false_alarms / 2
    parts = list(_lacking_what_none_lacked(certified, marks, batch, chance))

    windows = _windows(use_case, batch, before)
    tests = sum(2 if mark.both_ways else 1 for window in windows for mark in window.marks(marks))
    least = max(use_case.review.error_limit() / 2, _TOLERANCE)
    for window in windows:
        draws = window.draws(use_case)
        for found in _compared(window.marks(marks), certified.rows, window):
            if found.difference < least or _chance(found, certified.draws, draws) > chance / tests:
                continue
            if window is windows[0] or _still_stands(found, windows[0]):
                parts.append(_part(found, window))
    return parts


def _windows(use_case: UseCase, batch: pd.DataFrame, before: Before) -> list[_Window]:
    """The batch with as many cases before it as a small one needs; and with the answers to more, where rows count."""
    needed = max(FEWEST_COMPARED - len(batch), 0)
    windows = [_Window(batch, before.cases.iloc[max(len(before.cases) - needed, 0) :])]
    if len(before.answers) > needed and _rows_count(use_case):
        windows.append(_Window(batch, before.answers))
    return windows


def _rows_count(use_case: UseCase) -> bool:
    """Whether each row is a draw of its own; else those with the same value of the cut's field are one."""
    return use_case.cut in {"case_id", BY_TIME}


def _lacking_what_none_lacked(
    certified: CertifiedRows, marks: Sequence[Mark], batch: pd.DataFrame, chance: float
) -> Iterator[Unlike]:
    """Single cases that lack what no certified row lacked, as far as such cases are rare enough to be sure of it."""
    never = [mark for mark in marks if mark.kind == "missing" and mark.count == 0]
    if not never or len(never) / (certified.rows + 1) > chance:
        return
    for mark in never:
        lacking = _having(mark, batch)
        if lacking.any():
            yield Unlike(
                lacking, f"{mark.column} is missing, and none of the {certified.rows} certified rows lacked it"
            )


def _compared(marks: Sequence[Mark], rows: int, window: _Window) -> Iterator[_Found]:
    """Each share of the window, beside that of the certified rows."""
    for mark in marks:
        share, expected = window.share(mark), mark.count / rows
        if share > expected or mark.both_ways:
            yield _Found(mark, share > expected, share, expected)


def _still_stands(found: _Found, latest: _Window) -> bool:
    """Whether the latest cases show at least half of a difference: else it is over, or was that of a few cases."""
    beyond = latest.share(found.mark) - found.expected
    return (beyond if found.more else -beyond) >= found.difference / 2


def _chance(found: _Found, rows: int, cases: int) -> float:
    """The chance of such a share among so many draws, if the certified rows were drawn alike."""
    hits, hits_before = round(found.share * cases), round(found.expected * rows)
    if found.more:
        return chance_of_more(hits, cases, hits_before, rows)
    return chance_of_more(cases - hits, cases, rows - hits_before, rows)


def _part(found: _Found, window: _Window) -> Unlike:
    """The cases that are affected: those that have what is unusual, or, where answers are unusual, all of them."""
    mark, affected = found.mark, _having(found.mark, window.batch)
    shares = f"{found.share:.0%} of the last {window.cases} cases, {found.expected:.0%} of the certified rows"
    if mark.kind == "missing":
        return Unlike(affected, f"{mark.column} is missing in {shares}")
    if mark.kind == "rare":
        return Unlike(affected, f"{mark.column} has a value that hardly any certified row has in {shares}")
    if mark.kind == "outside":
        return Unlike(affected, f"{mark.column} is outside the range of the certified rows in {shares}")
    whole = np.ones(len(affected), dtype=bool)
    if mark.kind == "answer":
        what = "another answer than usual" if mark.others else repr(mark.values[0])
        return Unlike(whole, f"not like the certified rows: {mark.column} is {what} in {shares}")
    return Unlike(whole, f"not like the certified rows: {mark.column} is at most {mark.limit:.4g} in {shares}")
