"""How a model would have done, had it been trained again and again: rolling origins over the stored record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import questions
from aiops_flows.errors import TrainingError, UseCaseError
from aiops_flows.evidence.answers import Scored, read_answers
from aiops_flows.evidence.metrics import METRICS
from aiops_flows.progress import step
from aiops_flows.steps.costs import costs_of
from aiops_flows.steps.fitting import baseline_of, fit, scored
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.labelled_counts import LabelledCounts, labelled_counts
from aiops_flows.steps.rows import Labelled
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["TOTAL", "backtest", "rolling_origins"]

TOTAL = "total"
_MODEL, _BASELINE = "model", "baseline"


@dataclass(frozen=True)
class _Origin:
    """What was said of the cases received from one moment until the next."""

    name: str
    learned: int
    truth: NDArray[Any]
    said: Mapping[str, Scored]
    note: str = ""


def backtest(
    place: Workspace,
    use_case: UseCase,
    model: str | ModelSpec,
    *,
    origins: int = 12,
    every: int = 1,
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """Model and baseline, trained anew at each of several moments and judged on the cases that came next.

    At each origin both learn from what was known then: cases received before it, within the training window, with the
    outcome as it was known then. They are judged on the cases received from it until the next origin, by what is known
    now (Tashman 2000). Nothing is stored. An estimator that was chosen by the same record has an advantage that no
    backtest shows.

    Args:
        place: where cases and outcomes are read.
        use_case: the business process.
        model: the model, or its name.
        origins: how many moments, the last ones of the record.
        every: so many distinct moments of receipt lie between two origins.
        as_of: only cases received, and outcomes known, by then; default now.

    Returns:
        A row for each origin and ``who`` (``model``, ``baseline``), the ``total`` of all their cases last. Columns
        ``origin``, ``who``, ``learned_from`` and ``judged_on`` (rows; of the total, the fewest learned from), the
        metrics of the kind of model (NaN where one cannot be measured), and ``note``.

    Raises:
        TrainingError: no origin has enough labelled rows before it.
        UseCaseError: the model writes texts.
    """
    spec = model if isinstance(model, ModelSpec) else use_case.model(model)
    if spec.kind == "writer":
        raise UseCaseError(f"{spec.name} writes texts; backtests judge classes and quantities. See corrections instead")
    record = _Record.read(place, use_case, spec, as_of or place.now())
    spans = record.spans(origins, every)
    judged = []
    for place_of, span in enumerate(spans, start=1):
        step("%s: origin %d of %d", spec.name, place_of, len(spans))
        judged.append(_judged(use_case, spec, record, *span))
    if not (made := [origin for origin in judged if origin.said]):
        counts = labelled_counts(place, use_case, spec, as_of=as_of or place.now())
        raise TrainingError(
            f"{use_case.name}: {spec.name} cannot be tested backwards: of {len(record.latest)} cases with a known "
            f"outcome of {spec.output!r}, no origin has {max(spec.min_rows, 1)} (min_rows) known before it"
            f"{_within(spec)} and one case after it. {_remedy(counts, judged)}"
        )
    whole = _Origin(
        TOTAL,
        min(origin.learned for origin in made),
        np.concatenate([origin.truth for origin in made]),
        {who: pooled([origin.said[who] for origin in made]) for who in made[0].said},
    )
    return pd.DataFrame([row for origin in (*judged, whole) for row in _rows(spec, origin)])


def _within(spec: ModelSpec) -> str:
    return "" if spec.train_window is None else f" and received within train_window ({spec.train_window.days:,} days)"


def _remedy(counts: LabelledCounts, origins: Sequence[_Origin]) -> str:
    """What to do where no origin has enough rows: what left rows out, or the dates of the outcomes."""
    if counts.reasons:
        return f"{str(counts)[:1].upper()}{str(counts)[1:]}"
    most = max((origin.learned for origin in origins), default=0)
    return (
        f"The origin with the most has {most:,}. Record more outcomes, with the dates on which they became known "
        "(known_at), lower min_rows, or ask for fewer origins"
    )


@dataclass(frozen=True)
class _Record:
    """The stored record of a model: cases in order of receipt, and every outcome that was ever told of them."""

    cases: pd.DataFrame
    told: pd.DataFrame
    """Columns ``case_id``, ``value``, ``known_at``, in the order in which they became known."""
    latest: pd.Series[Any]
    """The truth as it is known now, by case id."""

    @classmethod
    def read(cls, place: Workspace, use_case: UseCase, spec: ModelSpec, as_of: datetime) -> _Record:
        stored = questions.cases(place.log, use_case.name, received_before=as_of)
        told = questions.outcomes(place.log, use_case.name, name=spec.output, every=True)
        told = told[told["known_at"] <= as_of].sort_values(["known_at", "case_id"], ignore_index=True)
        told = told[told["case_id"].isin(stored["case_id"])]
        labelled = stored[stored["case_id"].isin(told["case_id"])]
        latest = told.drop_duplicates("case_id", keep="last").set_index("case_id")["value"]
        return cls(stored_frame(use_case.case, labelled.reset_index(drop=True)), told, latest)

    def spans(self, origins: int, every: int) -> list[tuple[pd.Timestamp, pd.Timestamp | None]]:
        """The origins, each with the one after it."""
        return rolling_origins(self.cases["received_at"], origins, every)

    def known_before(self, spec: ModelSpec, origin: pd.Timestamp) -> Labelled:
        """What could be learned at an origin."""
        then = self.told[self.told["known_at"] <= origin].drop_duplicates("case_id", keep="last").set_index("case_id")
        received = self.cases["received_at"]
        there = (received < origin) & self.cases["case_id"].isin(then.index)
        if spec.train_window is not None:
            there &= received >= origin - spec.train_window
        cases = self.cases[there].reset_index(drop=True)
        of_cases = then.reindex(cases["case_id"])
        return Labelled(cases, _truth(spec, of_cases["value"]), "", of_cases["known_at"].reset_index(drop=True))

    def between(self, origin: pd.Timestamp, until: pd.Timestamp | None) -> pd.DataFrame:
        """The cases received from an origin until the next."""
        received = self.cases["received_at"]
        chosen = (received >= origin) if until is None else (received >= origin) & (received < until)
        return self.cases[chosen].reset_index(drop=True)


def rolling_origins(
    received: pd.Series[pd.Timestamp], origins: int, every: int
) -> list[tuple[pd.Timestamp, pd.Timestamp | None]]:
    """The last moments of receipt that are origins, oldest first, each with the next; None after the last.

    Raises:
        UseCaseError: less than one origin, or less than one moment between two.
    """
    if origins < 1 or every < 1:
        raise UseCaseError(f"origins is {origins} and every is {every}; both are counts, give 1 or more")
    moments = received.drop_duplicates().sort_values().tolist()
    begins = moments[len(moments) % every :: every][-origins:]
    return [(begin, begins[place + 1] if place + 1 < len(begins) else None) for place, begin in enumerate(begins)]


def _truth(spec: ModelSpec, values: pd.Series[Any]) -> NDArray[Any]:
    if spec.kind == "regressor":
        return np.array(values.tolist(), dtype=float)
    return np.array([str(value) for value in values], dtype=object)


def _judged(
    use_case: UseCase, spec: ModelSpec, record: _Record, origin: pd.Timestamp, until: pd.Timestamp | None
) -> _Origin:
    """Model and baseline as of one origin."""
    learned, cases = record.known_before(spec, origin), record.between(origin, until)
    truth = _truth(spec, record.latest.reindex(cases["case_id"]))
    name = origin.isoformat().replace("+00:00", "Z")
    if (fewest := max(spec.min_rows, 1)) > len(learned):
        return _Origin(name, len(learned), truth, {}, f"fewer than {fewest} rows to learn from")
    if spec.kind == "classifier" and len(set(learned.truth)) < 2:
        return _Origin(name, len(learned), truth, {}, "every row to learn from has the same outcome")
    estimators = {_MODEL: spec.estimator, _BASELINE: baseline_of(spec)}
    costs = costs_of(use_case, spec, Labelled(cases, truth, "", cases["received_at"]))
    said = {who: scored(spec, fit(each, spec, learned), cases, costs=costs) for who, each in estimators.items()}
    return _Origin(name, len(learned), truth, said)


def pooled(parts: Sequence[Scored]) -> Scored:
    """What was said of the rows of several origins, as of one; a class that was not known at one had no chance."""
    values = np.concatenate([np.asarray(part.values, dtype=object) for part in parts])
    classes = sorted({str(name) for part in parts for name in (part.classes if part.classes is not None else ())})
    shares = [_aligned(part, classes) for part in parts if part.probabilities is not None]
    probabilities = np.concatenate(shares) if len(shares) == len(parts) else None
    named = classes if probabilities is not None else None
    quantiles, costs, scales = (_joined([getattr(part, name) for part in parts]) for name in _BY_ROW)
    return Scored(values, probabilities, named, quantiles=quantiles, levels=parts[0].levels, costs=costs, scales=scales)


_BY_ROW = ("quantiles", "costs", "scales")


def _joined(arrays: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    there = [array for array in arrays if array is not None]
    return np.concatenate(there) if len(there) == len(arrays) else None


def _aligned(part: Scored, classes: list[str]) -> NDArray[np.float64]:
    """The probabilities with a column for each of these classes."""
    shares = np.zeros((len(part.values), len(classes)))
    places = {name: place for place, name in enumerate(classes)}
    shares[:, [places[str(name)] for name in part.classes or ()]] = part.probabilities
    return shares


def _rows(spec: ModelSpec, origin: _Origin) -> list[dict[str, Any]]:
    """The rows of the table for one origin."""
    answers = read_answers(spec.kind, origin.truth, origin.said)
    shown = [metric for metric in METRICS.values() if metric.measures(spec.kind)]
    return [
        {"origin": origin.name, "who": who, "learned_from": origin.learned, "judged_on": len(origin.truth)}
        | {
            metric.name: metric.of(found) if (found := answers.get(who)) and not isinstance(found, str) else np.nan
            for metric in shown
        }
        | {"note": origin.note or (found if isinstance(found := answers.get(who), str) else "")}
        for who in (_MODEL, _BASELINE)
    ]
