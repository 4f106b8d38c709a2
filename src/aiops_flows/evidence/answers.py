"""What was true and what models said, row by row, in the shape that the quality measures read."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.evidence.writing import Writings, text_of

__all__ = ["Answers", "Counts", "Floats", "Kind", "Scored", "even_pair", "read_answers"]

Kind = Literal["classifier", "regressor", "writer"]

Floats = NDArray[np.float64]
Counts = NDArray[np.float64]
"""Resamples by rows: how often each row is in each resample. Every quality measure gives one number a resample."""


@dataclass(frozen=True)
class Scored:
    """What a model said of some rows: scikit-learn's ``predict``, and ``predict_proba`` with ``classes_``.

    Of a regressor also its quantiles (rows by levels). What was lost by acting on each answer, and the unit in which
    errors are counted, come from the cases.
    """

    values: Sequence[Any] | NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    classes: Sequence[Any] | NDArray[Any] | None = None
    missing: str = ""
    """Why there are no answers at all; empty where there are."""
    quantiles: Floats | None = None
    levels: Sequence[float] = ()
    """The levels of the quantiles, ascending."""
    costs: Floats | None = None
    scales: Floats | None = None

    def rows(self, chosen: NDArray[np.int64]) -> Scored:
        """The same for some of the rows; where nothing usable was said, nothing."""
        if not len(self.values):
            return self
        return replace(self, values=np.asarray(self.values, dtype=object)[chosen], **_rows(self, _BY_ROW, chosen))


@dataclass(frozen=True)
class Answers:
    """Rows with their truth and the answers to them; what is not there is None.

    Of a classifier, ``truth`` and ``predicted`` are places in the list of classes, and ``probabilities`` has a column
    for each class in that order. Of a regressor, both are quantities and ``probabilities`` is None. Of a writer, they
    say whether there is a true text (1 or 0), and a writing; the texts themselves are the ``writings``.
    """

    truth: Floats
    predicted: Floats
    probabilities: Floats | None = None
    writings: Writings | None = None
    quantiles: Floats | None = None
    """Rows by levels, ascending in each row."""
    levels: Sequence[float] = ()
    costs: Floats | None = None
    """What was lost by acting on each answer, in money."""
    scales: Floats | None = None
    """The unit in which the error of each row is counted."""

    def rows(self, chosen: NDArray[np.int64]) -> Answers:
        """The same for some of the rows."""
        writings = None if self.writings is None else self.writings.rows(chosen)
        some = _rows(self, _BY_ROW, chosen)
        return replace(self, truth=self.truth[chosen], predicted=self.predicted[chosen], writings=writings, **some)

    @property
    def shares(self) -> Floats:
        """The probabilities.

        Raises:
            ValueError: the answers have none.
        """
        if self.probabilities is None:
            raise ValueError("these answers hold no probabilities; measure them with accuracy or f1_macro")
        return self.probabilities


_BY_ROW = ("probabilities", "quantiles", "costs", "scales")


def _rows(of: Scored | Answers, names: Sequence[str], chosen: NDArray[np.int64]) -> dict[str, Any]:
    """Some rows of those arrays that are there."""
    arrays = {name: getattr(of, name) for name in names}
    return {name: array[chosen] for name, array in arrays.items() if array is not None}


def even_pair(levels: Sequence[float]) -> tuple[int, int] | None:
    """The places of the outermost two levels that lie evenly about the median; None where no two do."""
    for low, level in enumerate(levels):
        for high in range(len(levels) - 1, low, -1):
            if math.isclose(level + levels[high], 1.0, abs_tol=1e-9):
                return low, high
    return None


def read_answers(
    kind: Kind, truth: Sequence[Any] | NDArray[Any], models: Mapping[str, Scored]
) -> dict[str, Answers | str]:
    """The answers of each model on the same rows, or the reason why a model cannot be measured on them.

    Classes are those of the truth and of all models together, in ascending order: a class that a model does not know
    has probability 0 with it. A writer's truth may be missing (None): those rows tell whether it writes at all.
    """
    if absent := {name: scored.missing for name, scored in models.items() if scored.missing}:
        there = {name: scored for name, scored in models.items() if not scored.missing}
        return read_answers(kind, truth, there) | absent
    known = _listed(truth)
    if kind == "writer":
        return {name: _texts(known, scored) for name, scored in models.items()}
    if missing := sum(_is_missing(value) for value in known):
        reason = f"{missing} of {len(known)} rows have no true value"
        return dict.fromkeys(models, reason)
    if kind == "regressor":
        return {name: _costed(scored, _quantities(known, scored)) for name, scored in models.items()}
    classes = _all_classes(known, models)
    place = {value: index for index, value in enumerate(classes)}
    return {name: _costed(scored, _places(known, scored, place)) for name, scored in models.items()}


def _listed(values: Sequence[Any] | NDArray[Any]) -> list[Any]:
    return np.asarray(values, object).tolist() if not isinstance(values, list) else values


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _all_classes(truth: list[Any], models: Mapping[str, Scored]) -> list[Hashable]:
    found = set(truth)
    for scored in models.values():
        listed = [] if scored.classes is None else _listed(scored.classes)
        found |= {value for value in (*_listed(scored.values), *listed) if not _is_missing(value)}
    try:
        return sorted(found)
    except TypeError:  # classes of several types
        return sorted(found, key=lambda value: (type(value).__name__, str(value)))


def _doubt(truth: list[Any], predicted: list[Any]) -> str:
    if len(truth) != len(predicted):
        return f"{len(predicted)} predictions for {len(truth)} rows"
    missing = sum(_is_missing(value) for value in predicted)
    return f"{missing} of {len(predicted)} rows have no prediction" if missing else ""


def _quantities(truth: list[Any], scored: Scored) -> Answers | str:
    predicted = _listed(scored.values)
    if doubt := _doubt(truth, predicted):
        return doubt
    try:
        answers = Answers(np.array(truth, np.float64), np.array(predicted, np.float64))
    except (TypeError, ValueError):
        return "truth or predictions are not numbers"
    if not (np.isfinite(answers.truth).all() and np.isfinite(answers.predicted).all()):
        return "truth or predictions hold infinite numbers"
    return answers if scored.quantiles is None else _with_quantiles(answers, scored)


def _with_quantiles(answers: Answers, scored: Scored) -> Answers | str:
    given = np.asarray(scored.quantiles, np.float64)
    if given.shape != (len(answers.truth), len(scored.levels)):
        return f"quantiles of shape {given.shape}; expected {len(answers.truth)} rows, {len(scored.levels)} levels"
    if not np.isfinite(given).all():
        return "quantiles that are not finite"
    return replace(answers, quantiles=np.sort(given, axis=1), levels=tuple(scored.levels))


def _costed(scored: Scored, answers: Answers | str) -> Answers | str:
    """The answers with the costs and the units that came from the cases."""
    return answers if isinstance(answers, str) else replace(answers, costs=scored.costs, scales=scored.scales)


def _texts(truth: list[Any], scored: Scored) -> Answers | str:
    said = list(scored.values)
    if len(truth) != len(said):
        return f"{len(said)} predictions for {len(truth)} rows"
    texts = [text_of(true) for true in truth]
    written = np.array([bool((text_of(each) or "").strip()) for each in said], np.float64)
    known = np.array([text is not None for text in texts], np.float64)
    return Answers(known, written, None, Writings(texts, said))


def _places(truth: list[Any], scored: Scored, place: Mapping[Hashable, int]) -> Answers | str:
    predicted = _listed(scored.values)
    if doubt := _doubt(truth, predicted):
        return doubt
    if truth and not set(truth) & {*predicted, *(() if scored.classes is None else _listed(scored.classes))}:
        return "none of the true classes is one that it knows; look whether both are of the same type"
    probabilities = _aligned(scored, len(truth), place)
    if isinstance(probabilities, str):
        return probabilities
    codes = [np.array([place[value] for value in values], np.float64) for values in (truth, predicted)]
    return Answers(codes[0], codes[1], probabilities)


def _aligned(scored: Scored, rows: int, place: Mapping[Hashable, int]) -> Floats | str | None:
    """The probabilities with a column for each class, or why they cannot be read."""
    if scored.probabilities is None or scored.classes is None:
        return None
    given, classes = np.asarray(scored.probabilities, np.float64), _listed(scored.classes)
    if given.shape != (rows, len(classes)):
        return f"probabilities of shape {given.shape}; expected {rows} rows and {len(classes)} classes"
    if not (np.isfinite(given).all() and given.min(initial=0) >= -1e-6 and given.max(initial=0) <= 1 + 1e-6):
        return "probabilities that are not numbers between 0 and 1"
    shares = np.zeros((rows, len(place)))
    shares[:, [place[value] for value in classes]] = given
    return shares
