"""Proving on rows a model has not seen how much may be decided without a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, versions
from aiops_flows.errors import RegistryError, UseCaseError
from aiops_flows.evidence import certify_threshold
from aiops_flows.steps.inference import predict_with
from aiops_flows.steps.rows import Labelled, labelled_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Certificate", "certificate_in_force", "certify", "rule_verdicts"]


@dataclass(frozen=True)
class Certificate:
    """Under which threshold a version may decide without a person, and what was proved of it."""

    model: str
    version: int
    policy_version: str
    threshold: float | None
    max_error: float
    confidence: float
    coverage: float
    labels_used: int
    error_upper: float | None
    rows_digest: str
    companions: dict[str, int]
    """The versions of the other models whose predictions the rules saw."""
    reason: str

    @property
    def rests_on(self) -> dict[str, int]:
        """Every version that it was proved with, by model."""
        return {self.model: self.version, **self.companions}

    @property
    def name(self) -> str:
        """How a decision refers to it: model, version, policy version, threshold."""
        return f"{self.model}/{self.version}/{self.policy_version}/{self.threshold}"

    def to_json(self) -> str:
        """The certificate as JSON text, keys sorted."""
        return json.dumps(self.__dict__, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate that `to_json` wrote."""
        return cls(**json.loads(text))


def certify(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int,
    fitted: Any,
    rows: Labelled | None = None,
    *,
    as_of: datetime,
) -> Certificate | None:
    """The certificate of a version for the policy as it stands; None where this model does not judge verdicts.

    On labelled rows that the version neither learned from nor was judged on, the policy's rules are applied to its
    predictions (and to those of the other models' champions); the threshold is the lowest confidence from which at
    most ``max_error`` of the verdicts are wrong, with the policy's probability.
    """
    if spec.output != use_case.judged_by:
        return None
    if rows is None:
        rows = labelled_rows(place, use_case, spec, as_of=as_of, part="certify", window=spec.train_window)
    frame = predict_with(spec, fitted, version, rows.cases)
    companions: dict[str, int] = {}
    for other in use_case.models:
        if other.output == spec.output:
            continue
        champion = promotions.champion(place.log, use_case.name, other.name)
        if champion is None:
            return _none(
                use_case, spec, version, rows.digest, f"{other.name} has no champion yet, and rules may use it"
            )
        try:
            estimator = place.load(other, champion.version, champion.digest)
        except RegistryError as fault:
            why = f"{other.name} version {champion.version} could not be loaded: {type(fault).__name__}"
            return _none(use_case, spec, version, rows.digest, why)
        frame = predict_with(other, estimator, champion.version, frame)
        companions[other.name] = champion.version
    verdicts, ruled = rule_verdicts(use_case, frame)
    if not ruled.any():
        return _none(use_case, spec, version, rows.digest, "no rule of the policy holds for any labelled row")
    found = certify_threshold(
        frame[f"{spec.output}_confidence"].to_numpy(dtype=float)[ruled],
        verdicts[ruled] != rows.truth[ruled],
        max_error=use_case.review.max_error,
        confidence_level=use_case.review.confidence,
    )
    return Certificate(
        model=spec.name,
        version=version,
        policy_version=use_case.review.version,
        threshold=found.threshold,
        max_error=use_case.review.max_error,
        confidence=use_case.review.confidence,
        coverage=found.coverage * float(ruled.mean()),
        labels_used=len(rows),
        error_upper=found.error_upper,
        rows_digest=rows.digest,
        companions=companions,
        reason=found.reason,
    )


def _none(use_case: UseCase, spec: ModelSpec, version: int, digest: str, reason: str) -> Certificate:
    """A certificate that allows nothing, with the reason."""
    return Certificate(
        model=spec.name,
        version=version,
        policy_version=use_case.review.version,
        threshold=None,
        max_error=use_case.review.max_error,
        confidence=use_case.review.confidence,
        coverage=0.0,
        labels_used=0,
        error_upper=None,
        rows_digest=digest,
        companions={},
        reason=reason,
    )


def certificate_in_force(place: Workspace, use_case: UseCase) -> Certificate | None:
    """The certificate of the judging model's champion, where it has one for the policy as it stands."""
    spec = use_case.model(use_case.judged_by)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    text = versions.get(place.log, use_case.name, spec.name, champion.version).certificate
    return Certificate.from_json(text) if text else None


def rule_verdicts(use_case: UseCase, cases: pd.DataFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The verdict of the first rule that holds (None where none does), and whether one held; one entry a row.

    Raises:
        UseCaseError: a rule does not give one truth value a row.
    """
    verdicts = np.full(len(cases), None, dtype=object)
    ruled = np.zeros(len(cases), dtype=bool)
    if cases.empty:
        return verdicts, ruled
    for verdict, rule in use_case.review.auto.items():
        holds = np.asarray(rule(cases))
        holds = np.where(pd.isna(holds), np.False_, holds)  # what is missing is not true
        if holds.shape != (len(cases),):
            raise UseCaseError(
                f"the rule for {verdict!r} of {use_case.name} gave the shape {holds.shape} for {len(cases)} cases; "
                "a rule takes the frame and gives one truth value a row"
            )
        holds = (holds == True) & ~ruled  # noqa: E712  nor is what is no truth value
        verdicts[holds] = verdict
        ruled |= holds.astype(bool)
    return verdicts, ruled
