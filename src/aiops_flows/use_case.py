"""The declaration of one business process: its case type, its models, and its policies."""

from __future__ import annotations

import math
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from aiops_flows.case_type import Case, CaseId, Derivation, Moment, Text
from aiops_flows.effects import Effect
from aiops_flows.errors import UseCaseError
from aiops_flows.review_policy import Loss, ReviewPolicy

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray
    from sklearn.base import BaseEstimator

__all__ = [
    "Case",
    "CaseCost",
    "CaseId",
    "Derivation",
    "Gate",
    "Kind",
    "ModelSpec",
    "Moment",
    "ReviewPolicy",
    "Text",
    "UseCase",
    "load_use_case",
    "quantile_column",
]


Kind = Literal["classifier", "regressor", "writer"]
"""What a model says: one of some classes, a quantity, or a text that a person starts from."""

_RESERVED = frozenset({"case_id", "batch", "received_at", "verdict", "verdict_reason", "verdict_by"})
_WHOLE = frozenset({"drift", "missing_values", "latency", "shadow"})  # checks that know no slices
_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")

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
        if self.by is not None and self.metric in _WHOLE:
            raise UseCaseError(
                f"Gate({self.metric!r}) looks at the whole; leave out by={self.by!r}, or gate on a quality"
            )
        bounds = (self.at_least, self.at_most, self.max_drop)
        if all(bound is None for bound in bounds) and not self.beats_baseline:
            raise UseCaseError(
                f"Gate({self.metric!r}) has no bound, so every challenger would pass; "
                "give at_least, at_most, max_drop or beats_baseline"
            )
        if any(bound is not None and not math.isfinite(bound) for bound in bounds):
            raise UseCaseError(f"Gate({self.metric!r}) has a bound that is not a finite number: {bounds}")
        if self.max_drop is not None and self.max_drop < 0:
            raise UseCaseError(
                f"Gate({self.metric!r}): max_drop is how much worse is allowed; {self.max_drop} is negative"
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
    train_window: timedelta | None = None
    """Learn only from cases received within this time before the training; by default from all."""
    min_rows: int = 200
    """Labelled rows below which nothing is trained. A writer with 0 learns from cases without an outcome as well."""
    trusted: Sequence[Callable[..., Any]] = ()
    """Own classes and functions of the estimator that may be loaded with it; all others must be on our list."""
    four_eyes: bool = False
    """A promotion needs the approval of somebody who neither trained nor proposed the version."""
    cost: CaseCost | None = None
    """What acting on an answer costs, once the truth is known; the metric ``mean_cost`` is its mean."""
    scale: str | None = None
    """The case column in whose unit ``mean_scaled_error`` counts errors, so that small and large series weigh alike."""
    watched_by: str | None = None
    """The case column whose values are watched one by one: drift of each machine or site by itself."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
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

    @cached_property
    def kind(self) -> Kind:
        """Whether it predicts classes or quantities, or writes texts."""
        from sklearn.utils import get_tags

        kind = get_tags(self.estimator).estimator_type
        return kind if kind in {"regressor", "writer"} else "classifier"

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


def last_step(estimator: Any) -> Any:
    """The estimator, or the last step of a scikit-learn Pipeline: the one that predicts."""
    steps = getattr(estimator, "steps", None)
    return last_step(steps[-1][1]) if steps else estimator


@dataclass(frozen=True)
class UseCase:
    """One business process: its case type, its models, and its policies."""

    name: str
    case: type[Case]
    models: Sequence[ModelSpec]
    review: ReviewPolicy
    description: str = ""
    effects: Sequence[Effect] = ()
    """What decisions send to other systems; `deliver` sends it."""
    terms: Mapping[str, Derivation] = field(default_factory=dict)
    """What a decision says beyond its verdict (an order of 120, an amount of 350): columns computed from the case and
    the predictions, in this order; each sees the terms before it. One text, number or truth value a case, or None."""
    cut: str = "case_id"
    """The field by which cases are parted into those that are learned from, judged on and certified on: by a hash of
    its value, so that cases of one machine stay together; by ``received_at``, the latest judge and certify."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise UseCaseError(f"use case {self.name!r}: use lower-case letters, digits and hyphens, a letter first")
        if not self.models:
            raise UseCaseError(f"use case {self.name} has no model; give at least one ModelSpec")
        columns = _columns_of(self.case)
        for model in self.models:
            _check_model(model, self.case, columns)
        _refuse_repeats(f"use case {self.name}: model names", [model.name for model in self.models])
        _refuse_repeats(f"use case {self.name}: effect names", [effect.name for effect in self.effects])
        for effect in self.effects:
            if unknown := sorted(set(effect.verdicts) - set(self.review.verdicts)):
                raise UseCaseError(
                    f"use case {self.name}: the effect {effect.name} follows {unknown}, which verdicts does not list: "
                    f"{list(self.review.verdicts)}"
                )
        added = [column for model in self.models for column in model.added_columns]
        _refuse_repeats(f"use case {self.name}: the columns that its models add", added)
        if own := (_RESERVED - {"case_id", "received_at"}) & columns:
            raise UseCaseError(f"{self.case.__name__} has fields that the library adds itself: {sorted(own)}")
        if own := _RESERVED & set(added):
            raise UseCaseError(f"use case {self.name}: rename the outputs {sorted(own)}; the library adds such columns")
        self._check_policy(columns)
        self._check_terms(columns | set(added))
        if self.review.terms != self.terms:  # part of what the policy decides, so part of its version
            object.__setattr__(self, "review", replace(self.review, terms=self.terms))

    def _check_terms(self, columns: set[str]) -> None:
        """See that the cut is by a field, and that terms are new columns which can be computed."""
        if self.cut not in self.case.model_fields:
            raise UseCaseError(f"use case {self.name}: cut is {self.cut!r}, which is no field of {self.case.__name__}")
        terms: dict[str, Any] = dict(self.terms)
        if odd := [name for name in terms if name in columns | _RESERVED or not name.isidentifier()]:
            raise UseCaseError(
                f"use case {self.name}: the terms {odd} are columns already, or no identifiers; rename them"
            )
        if odd := [name for name, term in terms.items() if not callable(term)]:
            raise UseCaseError(
                f"use case {self.name}: the terms {odd} cannot be called; a term takes a frame and gives a value a row"
            )

    def _check_policy(self, columns: set[str]) -> None:
        """See that what the policy names is there, and that quantities it is judged by have a loss."""
        outputs = {model.output: model for model in self.models}
        if unknown := [name for name in self.judges if name not in outputs]:
            raise UseCaseError(
                f"use case {self.name}: no model has the output {unknown} that judges verdicts; the models' outputs "
                f"are {list(outputs)}"
            )
        segments = self.review.segments
        if segments is not None and segments not in columns:
            if segments not in outputs:
                raise UseCaseError(
                    f"use case {self.name}: segments is {segments!r}, which {self.case.__name__} does not have and no "
                    f"model gives: {sorted([*columns, *outputs])}"
                )
            if outputs[segments].kind != "classifier":
                raise UseCaseError(
                    f"use case {self.name}: segments is {segments!r}, which is no class; name a column of the case or "
                    "the output of a classifier"
                )
        if not self.review.auto and not self.review.judged_by:
            return  # nothing is decided without a person, so nothing is judged
        if written := [name for name in self.judges if outputs[name].kind == "writer"]:
            raise UseCaseError(
                f"use case {self.name}: {written} are texts, which are not right or wrong, so they judge no verdict; "
                f"name in judged_by outputs among {[name for name in outputs if outputs[name].kind != 'writer']}"
            )
        if not self.review.auto:
            return
        if silent := [name for name, loss in self.judges.items() if loss is None and outputs[name].kind == "regressor"]:
            raise UseCaseError(
                f"use case {self.name}: {silent} are quantities, which are never exactly right; say in judged_by how "
                f"bad a distance is, such as judged_by={{{silent[0]!r}: evidence.losses.beyond(0.1)}}"
            )

    @property
    def judges(self) -> dict[str, Loss | None]:
        """The outcomes that show whether a verdict was right, each with its loss (None: equal means right).

        Where ``judged_by`` names none, the output of the first model that is no writer.
        """
        return self.review.judges((self.decisive or self.models)[0].output)

    @property
    def decisive(self) -> list[ModelSpec]:
        """The models whose answers the policy may use: all but writers, whose texts are for people."""
        return [model for model in self.models if model.kind != "writer"]

    @property
    def judged_by(self) -> str:
        """The first outcome that shows whether a verdict was right; its model holds the certificate."""
        return next(iter(self.judges))

    def model(self, name: str) -> ModelSpec:
        """The model of that name.

        Raises:
            UseCaseError: the use case has no such model.
        """
        for model in self.models:
            if name in {model.name, model.output}:
                return model
        raise UseCaseError(
            f"use case {self.name} has no model {name!r}; it has {[model.name for model in self.models]}"
        )


def _check_model(model: ModelSpec, case_type: type[Case], columns: set[str]) -> None:
    """See that what a model names is there, and that it adds nothing that is there."""
    own = [*model.features, *model.drift_columns, *filter(None, [model.scale, model.watched_by])]
    if unknown := [name for name in own if name not in columns]:
        raise UseCaseError(
            f"model {model.name} uses {unknown}, which {case_type.__name__} does not have: {sorted(columns)}"
        )
    _check_slices(model, columns)
    if clash := columns & set(model.added_columns):
        raise UseCaseError(
            f"model {model.name} adds {sorted(clash)}, which {case_type.__name__} has; rename the output"
        )


def _check_slices(model: ModelSpec, columns: set[str]) -> None:
    """See that gates slice by what the judging rows have."""
    there = columns | {model.output}
    if unknown := sorted({gate.by for gate in model.gates if isinstance(gate.by, str)} - there):
        raise UseCaseError(
            f"model {model.name} has gates by {unknown}; give a column of the case, the model's own output or a "
            f"function of the frame: {sorted(there)}"
        )


def _columns_of(case_type: type[Case]) -> set[str]:
    """The columns of a case type, each with one meaning.

    Raises:
        UseCaseError: a derived column has the name of a field, or none that a column can have.
    """
    fields = set(case_type.model_fields)
    if clash := [name for name in case_type.derived if name in fields or not name.isidentifier()]:
        raise UseCaseError(
            f"{case_type.__name__}: the derived columns {clash} are fields of it too, or no identifiers; rename them"
        )
    return fields | set(case_type.derived)


def _refuse_repeats(what: str, names: list[str]) -> None:
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UseCaseError(f"{what} must differ; repeated: {repeated}")


def load_use_case(path: str) -> UseCase:
    """The use case at a path such as ``flows.claims:CLAIMS``.

    Raises:
        UseCaseError: nothing is there, or it is no `UseCase`.
    """
    try:
        found = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UseCaseError(
            f"no use case at {path!r}: {fault}. Expected 'package.module:NAME', importable from the current folder"
        ) from fault
    if not isinstance(found, UseCase):
        raise UseCaseError(f"{path!r} is a {type(found).__name__}, not a UseCase; name the variable that holds it")
    return found
