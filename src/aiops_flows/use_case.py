"""The declaration of one business process: its case type, its models, and its policies."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiops_flows.case_type import Case, CaseId, Derivation, Moment, Text, Written
from aiops_flows.effects import Effect
from aiops_flows.errors import UseCaseError
from aiops_flows.estimator_checks import last_step
from aiops_flows.model_spec import NAME, CaseCost, Gate, Kind, ModelSpec, quantile_column, quantile_name
from aiops_flows.review_policy import Loss, ReviewPolicy

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
    "Written",
    "last_step",
    "load_use_case",
    "quantile_column",
    "quantile_name",
]

_RESERVED = frozenset({"case_id", "batch", "received_at", "verdict", "verdict_reason", "verdict_by"})


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
        if not NAME.match(self.name):
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
    def restart_takes_two(self) -> bool:
        """Whether clearing an alarm that stopped automatic decisions, and releasing a hold, takes two people."""
        return self.review.four_eyes or any(model.four_eyes for model in self.decisive)

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
    if unknown := sorted(set(case_type.optional_columns) - fields):
        raise UseCaseError(f"{case_type.__name__}.optional_columns names {unknown}, which are not among its fields")
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
