"""How one model of a business process is trained, judged and watched: its declaration, and the gates it must pass."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from aiops_flows.errors import UseCaseError
from aiops_flows.estimator_checks import estimator_type, last_step, probabilities_missing

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray
    from sklearn.base import BaseEstimator

__all__ = ["CHECKS", "NAME", "CaseCost", "Gate", "Kind", "ModelSpec", "Slicing", "quantile_column", "quantile_name"]

Kind = Literal["classifier", "regressor", "writer"]
"""What a model says: one of some classes, a quantity, or a text that a person starts from."""

CHECKS = frozenset({"drift", "missing_values", "latency", "shadow"})
"""What a gate can name beside the quality metrics; these look at the whole, never at slices."""
NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
"""What use cases, models and effects may be called."""

Slicing = Callable[["pd.DataFrame"], "pd.Series[Any]"]
"""Takes a frame of cases, gives the slice of each row; a missing value is in none."""

CaseCost = Callable[["pd.DataFrame", "NDArray[Any]"], "ArrayLike"]
"""Takes a frame of cases (with one model's answers, and the terms that follow from them) and what turned out true;
gives the money lost by acting on each answer: one finite number, 0 or more, a row. Quantiles that a model does not
know are NaN in the frame: the cost must then do with the answer alone."""


def quantile_column(output: str, level: float) -> str:
    """The column that holds a quantile of an output: ``demand_q10`` of 0.1, ``demand_q97_5`` of 0.975."""
    return f"{output}_{quantile_name(level)}"


def quantile_name(level: float) -> str:
    """The short name of a level: ``q10`` of 0.1, ``q97_5`` of 0.975."""
    return f"q{round(100 * level, 8):g}".replace(".", "_")


@dataclass(frozen=True)
class Gate:
    """A condition that a challenger must meet before it may become champion.

    ``metric`` names a quality metric of `aiops_flows.gates.METRICS` (``roc_auc``, ``brier_score``, ...), or one of the
    checks ``drift``, ``missing_values`` (share in what the challenger learned from), ``latency`` (milliseconds for a
    batch of 100 cases) and ``shadow`` (both on the same live cases; ``at_most`` is the share of false promotions,
    however often it is looked at). Every bound that is given must hold, with the interval of the estimate counted
    against the challenger; what cannot be measured does not pass.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    max_drop: float | None = None
    """How much worse than the champion, on the same rows, the challenger may be (in units of the metric)."""
    max_drop_share: float | None = None
    """The same as a share of the champion's value: 0.05 allows a mean cost of 210 against one of 200. For metrics in
    units of the outcome, such as ``mean_cost`` and ``mean_absolute_error``, whose size differs from table to table."""
    beats_baseline: bool = False
    """The challenger must be better than the naive baseline on the same rows, beyond the interval."""
    by: str | Slicing | None = None
    """Every bound must hold in each slice: of a column of the cases, of the model's own output (the true label), or of
    what a function gives for the judging frame (case columns, and the truth under the output's name)."""
    fewest: int = 30
    """Slices of fewer rows are told, not judged, and never named: a value that few share could be somebody."""
    once_known: bool = False
    """Of a writer: the gate binds nobody while fewer than 30 true texts are known, and says so, so that the writer can
    begin on the first day. By default what cannot be measured does not pass."""

    def __post_init__(self) -> None:
        if self.fewest < 1:
            raise UseCaseError(
                f"Gate({self.metric!r}): fewest is {self.fewest}; it is a number of rows, give 1 or more"
            )
        if self.by is not None and self.metric in CHECKS:
            raise UseCaseError(
                f"Gate({self.metric!r}) looks at the whole; leave out by={self.by!r}, or gate on a quality"
            )
        if self.max_drop_share is not None and self.metric in CHECKS:
            raise UseCaseError(f"Gate({self.metric!r}) is not compared with a champion; leave out max_drop_share")
        bounds = (self.at_least, self.at_most, self.max_drop, self.max_drop_share)
        if all(bound is None for bound in bounds) and not self.beats_baseline:
            raise UseCaseError(
                f"Gate({self.metric!r}) has no bound, so every challenger would pass; "
                "give at_least, at_most, max_drop, max_drop_share or beats_baseline"
            )
        if any(bound is not None and not math.isfinite(bound) for bound in bounds):
            raise UseCaseError(f"Gate({self.metric!r}) has a bound that is not a finite number: {bounds}")
        if self.max_drop is not None and self.max_drop < 0:
            raise UseCaseError(
                f"Gate({self.metric!r}): max_drop is how much worse is allowed; {self.max_drop} is negative"
            )
        if self.max_drop_share is not None and not 0 <= self.max_drop_share < 1:
            raise UseCaseError(
                f"Gate({self.metric!r}): max_drop_share is {self.max_drop_share}; expected a share of the champion's "
                "value from 0 to below 1, such as 0.05"
            )


@dataclass(frozen=True)
class ModelSpec:
    """How one registered model is trained, judged and watched."""

    name: str
    """Name of the registered model in MLflow: lower case, digits and hyphens."""
    features: Sequence[str]
    """Case columns that the estimator sees, in this order; derived ones too."""
    output: str
    """The outcome it predicts; also the name of the column that `predict` adds."""
    estimator: BaseEstimator
    """Unfitted, with scikit-learn's manners; preprocessing included. It is cloned before each training."""
    gates: Sequence[Gate] = ()
    baseline: BaseEstimator | None = None
    """The naive model that a challenger is held against; by default the most frequent class, or the median. By default
    a writer has none."""
    watched: Sequence[str] | None = None
    """Case columns whose drift is measured; by default the features. Text is measured by its
    descriptors, never as a category."""
    drift_rate: float = 0.05
    """Share of checks of unchanged data that may be called drift: of all watched columns together, and of the answers
    together."""
    column_drift_rate: float | None = None
    """The same for each watched column alone; by default no column raises an alarm alone."""
    drift_tolerance: float | None = None
    """From which expected rise of the error on drift matters, so that alarms and retrainings follow: of classes the
    share of wrong answers (default 0.02: two points), of quantities a share of the mean error (default 0.10). With 0
    every drift matters."""
    train_window: timedelta | None = None
    """Learn only from cases received within this time before the training; by default from all."""
    min_rows: int = 200
    """Labelled rows below which nothing is trained. A writer with 0 learns from cases without an outcome as well."""
    folds: int | None = None
    """Into how many folds its labelled rows are divided: each fold is answered by a model of the others, to judge and
    certify by, and the version itself learns from all rows. By default 5 up to 20,000 rows that are parted by the case
    id; else, and with 0, it learns from 70 % and the rest is held out. Rows parted by time have no folds: unless this
    is 0, a model of the earlier ones answers the later ones, and the version learns from all."""
    trusted: Sequence[Callable[..., Any]] = ()
    """Own classes and functions of the estimator that may be loaded with it; all others must be on our list."""
    public_columns: Sequence[str] = ()
    """Features whose values may stand in the model file although they look like personal data or are nearly unique."""
    four_eyes: bool = False
    """A promotion needs the approval of somebody who neither trained nor proposed the version."""
    cost: CaseCost | None = None
    """What acting on an answer costs, once the truth is known; the metric ``mean_cost`` is its mean."""
    scale: str | None = None
    """The case column in whose unit ``mean_scaled_error`` counts errors, so that small and large series weigh alike."""
    watched_by: str | None = None
    """The case column whose values are watched one by one: drift of each machine or site by itself."""

    def __post_init__(self) -> None:
        if not NAME.match(self.name):
            raise UseCaseError(f"model name {self.name!r}: use lower-case letters, digits and hyphens, a letter first")
        if not self.features:
            raise UseCaseError(f"model {self.name} has no features; name at least one column of the case")
        for rate in (self.drift_rate, self.column_drift_rate):
            if rate is not None and not 0 < rate < 1:
                raise UseCaseError(f"model {self.name}: a drift rate of {rate}; it is a share strictly between 0 and 1")
        if not self.output.isidentifier():
            raise UseCaseError(f"model {self.name}: output {self.output!r} becomes a column and must be an identifier")
        declared = {gate.metric for gate in self.gates}
        if "mean_cost" in declared and self.cost is None:
            raise UseCaseError(f"model {self.name} has a gate on mean_cost; give it a cost, such as cost=OrderCost()")
        if "mean_scaled_error" in declared and self.scale is None:
            raise UseCaseError(f"model {self.name} has a gate on mean_scaled_error; name a column of the case as scale")
        if any(not 0 < level < 1 for level in self.quantiles):
            raise UseCaseError(f"model {self.name}: quantiles {self.quantiles}; levels lie strictly between 0 and 1")
        self._refuse_wrong_numbers()
        self._refuse_without_probabilities()

    def _refuse_wrong_numbers(self) -> None:
        if self.drift_tolerance is not None and not 0 <= self.drift_tolerance < math.inf:
            raise UseCaseError(f"model {self.name}: drift_tolerance is {self.drift_tolerance}; give 0 or more")
        if self.folds is not None and self.folds != 0 and self.folds < 2:
            raise UseCaseError(f"model {self.name}: folds is {self.folds}; give 2 or more, or 0 to hold rows out")

    def _refuse_without_probabilities(self) -> None:
        """Refuse a classifier, or its baseline, that cannot say how probable its answers are."""
        for what, estimator in (("estimator", self.estimator), ("baseline", self.baseline)):
            if estimator is not None and self.kind == "classifier" and (problem := probabilities_missing(estimator)):
                raise UseCaseError(f"model {self.name}: its {what} {problem}")

    @cached_property
    def kind(self) -> Kind:
        """Whether it predicts classes or quantities, or writes texts."""
        match estimator_type(self.estimator):
            case "regressor":
                return "regressor"
            case "writer":
                return "writer"
            case _:
                return "classifier"

    @property
    def needs_outcomes(self) -> bool:
        """Whether it learns from cases with a known outcome alone; a writer with ``min_rows=0`` takes all cases."""
        return self.min_rows > 0 or self.kind != "writer"

    @property
    def drift_columns(self) -> list[str]:
        """The case columns whose drift is measured."""
        return list(self.features if self.watched is None else self.watched)

    @property
    def added_columns(self) -> list[str]:
        """The columns that `predict` adds for this model; those of quantiles last."""
        parts = [f"{self.output}_{part}" for part in ("confidence", "version", "note")]
        return [self.output, *parts, *self.quantile_columns]

    @cached_property
    def quantiles(self) -> tuple[float, ...]:
        """The levels, ascending, of the quantiles that its estimator gives; none of an estimator that gives none."""
        last = last_step(self.estimator)
        if self.kind != "regressor" or not hasattr(last, "predict_quantiles"):
            return ()
        return tuple(sorted(float(level) for level in getattr(last, "quantiles", ())))

    @property
    def quantile_columns(self) -> list[str]:
        """The columns of its quantiles, in ascending order of their levels."""
        return [quantile_column(self.output, level) for level in self.quantiles]
