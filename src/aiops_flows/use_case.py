"""The declaration of one business process: its case type, its models, and its policies."""

from __future__ import annotations

import math
import pkgutil
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

from aiops_flows.errors import UseCaseError
from aiops_flows.review_policy import Loss, ReviewPolicy

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["Case", "Gate", "ModelSpec", "ReviewPolicy", "Text", "UseCase", "load_use_case"]


Kind = Literal["classifier", "regressor"]

_LABEL = r"^[\w(](?:-?[\w .,;:&/'()+#%])*-?$"  # no markup, no quotes at the start, no formula sign, no "--"
_LABEL_LENGTH = 200
_TEXT_LENGTH = 100_000
_FLOAT32_MAX = 3.4028234663852886e38  # estimators compute in float32: beyond it scikit-learn refuses the whole batch
_EARLIEST, _LATEST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2261, 12, 31, tzinfo=UTC)  # all that fits nanoseconds
_LIMITS: dict[str, tuple[Any, Any]] = {
    "float": (-_FLOAT32_MAX, _FLOAT32_MAX),
    "int": (-(2**53), 2**53),
    "datetime": (_EARLIEST, _LATEST),
    "date": (_EARLIEST.date(), _LATEST.date()),
}
_RESERVED = frozenset({"case_id", "batch", "received_at", "verdict", "verdict_reason", "verdict_by"})
_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")

Text = Annotated[str, StringConstraints(max_length=_TEXT_LENGTH, pattern=r"^[^\x00]*$")]
"""Free text of up to 100,000 characters. A plain ``str`` field of a `Case` is a label: short, printable, no markup."""


CaseId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.:/@+-][\w .:/@+#-]*$", strip_whitespace=True),
]


@lru_cache(maxsize=8_192)
def _read_moment(text: str) -> datetime | str:
    """A moment that is written the same in many rows is read once; what is no ISO 8601 is left to pydantic."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _aware(value: Any) -> Any:
    """A date or a time without a zone is taken as UTC."""
    if value.__class__ is str:
        return _read_moment(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_aware)]
"""A moment; without a zone it is taken as UTC."""


def _tighten(schema: dict[str, Any]) -> None:
    """Walk a core schema and give bounds to strings, numbers and moments that have none."""
    kind = schema.get("type")
    if kind == "str" and not ({"pattern", "max_length"} & schema.keys()):
        schema |= {"pattern": _LABEL, "max_length": _LABEL_LENGTH, "strip_whitespace": True}
    elif kind in _LIMITS:
        lowest, highest = _LIMITS[kind]
        if not ({"lt", "le"} & schema.keys()):
            schema["le"] = highest
        if not ({"gt", "ge"} & schema.keys()):
            schema["ge"] = lowest
    for value in list(schema.values()):
        if isinstance(value, dict):
            _tighten(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                if isinstance(item, dict):
                    _tighten(item)


class Case(BaseModel):
    """One unit of business work. Subclass it with the fields of the business.

    A plain ``str`` field is a *label* (a code or a name: up to 200 printable characters, no markup, no formula sign);
    free text says so with `Text`. Numbers are finite and fit float32, moments lie between the years 1678 and 2261.
    Values listed in ``absent`` count as missing (a ``9999-12-31`` that means "open" belongs there).
    Unknown columns are ignored and reported once per batch.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True, coerce_numbers_to_str=True
    )

    absent: ClassVar[frozenset[str]] = frozenset({""})
    """Strings that mean "no value" in the sources of this case."""

    case_id: CaseId
    received_at: Moment | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Plain strings become labels, and numbers are held to what the estimators can compute with."""
        schema = handler(source)
        _tighten(cast("dict[str, Any]", schema))
        return schema

    @classmethod
    def columns(cls) -> list[str]:
        """The columns a frame of these cases has, ``case_id`` first."""
        return list(cls.model_fields)

    @classmethod
    def source_name(cls, name: str) -> str:
        """The column in the source from which a field is read."""
        info: FieldInfo = cls.model_fields[name]
        alias = info.validation_alias or info.alias
        return alias if isinstance(alias, str) else name


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

    def __post_init__(self) -> None:
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
    """Case columns that the estimator sees, in this order."""
    output: str
    """The outcome it predicts; also the name of the column that `predict` adds."""
    estimator: BaseEstimator
    """Unfitted, with scikit-learn's manners; preprocessing included. It is cloned before each training."""
    gates: Sequence[Gate] = ()
    baseline: BaseEstimator | None = None
    """The naive model that a challenger is held against; by default the most frequent class, or the median."""
    watched: Sequence[str] | None = None
    """Case columns whose drift is measured; by default the features. Never raw text."""
    drift_rate: float = 0.05
    """Share of checks of unchanged data that may be called drift: of all watched columns together, and of the answers
    together."""
    column_drift_rate: float | None = None
    """The same for each watched column alone; by default no column raises an alarm alone."""
    train_window: timedelta | None = None
    """Learn only from cases received within this time before the training; by default from all."""
    min_rows: int = 200
    """Labelled rows below which nothing is trained."""
    trusted: Sequence[Callable[..., Any]] = ()
    """Own classes and functions of the estimator that may be loaded with it; all others must be on our list."""
    four_eyes: bool = False
    """A promotion needs the approval of somebody who neither trained nor proposed the version."""

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

    @property
    def kind(self) -> Kind:
        """Whether it predicts classes or quantities."""
        from sklearn.base import is_regressor

        return "regressor" if is_regressor(self.estimator) else "classifier"

    @property
    def drift_columns(self) -> list[str]:
        """The case columns whose drift is measured."""
        return list(self.features if self.watched is None else self.watched)

    @property
    def added_columns(self) -> list[str]:
        """The columns that `predict` adds for this model."""
        return [self.output, *(f"{self.output}_{part}" for part in ("confidence", "version", "note"))]


@dataclass(frozen=True)
class UseCase:
    """One business process: its case type, its models, and its policies."""

    name: str
    case: type[Case]
    models: Sequence[ModelSpec]
    review: ReviewPolicy
    description: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise UseCaseError(f"use case {self.name!r}: use lower-case letters, digits and hyphens, a letter first")
        if not self.models:
            raise UseCaseError(f"use case {self.name} has no model; give at least one ModelSpec")
        columns = set(self.case.columns())
        for model in self.models:
            if unknown := [name for name in (*model.features, *model.drift_columns) if name not in columns]:
                raise UseCaseError(
                    f"model {model.name} uses {unknown}, which {self.case.__name__} does not have: {sorted(columns)}"
                )
            if clash := columns & set(model.added_columns):
                raise UseCaseError(
                    f"model {model.name} adds {sorted(clash)}, which {self.case.__name__} has; rename the output"
                )
        _refuse_repeats(f"use case {self.name}: model names", [model.name for model in self.models])
        added = [column for model in self.models for column in model.added_columns]
        _refuse_repeats(f"use case {self.name}: the columns that its models add", added)
        if own := (_RESERVED - {"case_id", "received_at"}) & columns:
            raise UseCaseError(f"{self.case.__name__} has fields that the library adds itself: {sorted(own)}")
        if own := _RESERVED & set(added):
            raise UseCaseError(f"use case {self.name}: rename the outputs {sorted(own)}; the library adds such columns")
        self._check_policy(columns)

    def _check_policy(self, columns: set[str]) -> None:
        """See that what the policy names is there, and that quantities it is judged by have a loss."""
        outputs = {model.output: model for model in self.models}
        if unknown := [name for name in self.judges if name not in outputs]:
            raise UseCaseError(
                f"use case {self.name}: no model has the output {unknown} that judges verdicts; the models' outputs "
                f"are {list(outputs)}"
            )
        if self.review.segments is not None and self.review.segments not in columns:
            raise UseCaseError(
                f"use case {self.name}: segments is {self.review.segments!r}, which {self.case.__name__} does not "
                f"have: {sorted(columns)}"
            )
        if not self.review.auto:  # nothing is decided without a person, so nothing is judged
            return
        if silent := [name for name, loss in self.judges.items() if loss is None and outputs[name].kind == "regressor"]:
            raise UseCaseError(
                f"use case {self.name}: {silent} are quantities, which are never exactly right; say in judged_by how "
                f"bad a distance is, such as judged_by={{{silent[0]!r}: evidence.losses.beyond(0.1)}}"
            )

    @property
    def judges(self) -> dict[str, Loss | None]:
        """The outcomes that show whether a verdict was right, each with its loss (None: equal means right)."""
        return self.review.judges(self.models[0].output)

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
