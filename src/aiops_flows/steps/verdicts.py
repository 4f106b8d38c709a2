"""What a policy says of cases, and how right that was: verdicts by rule, segments, confidence, and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.losses import Wrong, wrong
from aiops_flows.steps.frames import grown
from aiops_flows.steps.terms import unseen_by_policy, with_terms
from aiops_flows.use_case import ModelSpec, UseCase
from aiops_flows.values.texts import name_of

__all__ = [
    "confidence_of",
    "naive_losses",
    "needs_cases",
    "promises_classes",
    "rule_verdicts",
    "segment_texts",
    "segmenting_model",
    "segments_of",
    "sure_outputs",
    "verdict_loss",
]

Objects = NDArray[np.object_]


def rule_verdicts(use_case: UseCase, cases: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any]]:
    """The verdict of the first rule that holds (None where none does), and whether one held; one entry a row.

    Rules see the cases with their predictions and terms; the terms are computed anew.

    Raises:
        UseCaseError: a rule does not give one truth value a row.
    """
    verdicts = np.full(len(cases), None, dtype=object)
    ruled = np.zeros(len(cases), dtype=bool)
    if cases.empty:
        return verdicts, ruled
    seen = with_terms(use_case, cases).drop(columns=unseen_by_policy(use_case), errors="ignore")
    for verdict, rule in use_case.review.auto.items():
        holds = np.asarray(rule(seen))
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


def segmenting_model(use_case: UseCase) -> ModelSpec | None:
    """The model whose answers are the segments of the policy; None where a column of the case is, or nothing."""
    named = use_case.review.segments
    return next((model for model in use_case.models if model.output == named), None)


def segments_of(use_case: UseCase, cases: pd.DataFrame) -> Objects:
    """The segment of each case as text; empty where its value is missing, and where the policy has no segments.

    Where a model's answer is the segment, the cases must have it: a frame as `predict` gives it.
    """
    if use_case.review.segments is None or cases.empty:
        return np.full(len(cases), "", dtype=object)
    return segment_texts(cases[use_case.review.segments])


def segment_texts(values_of: pd.Series[Any]) -> Objects:
    """Values as names of segments; empty where one is missing."""
    places, values = pd.factorize(values_of.astype(object))
    texts = np.array([*(name_of(value) for value in values.tolist()), ""], dtype=object)
    segments: Objects = texts[places]  # a missing value has the place -1: the last text, which is empty
    return segments


def sure_outputs(use_case: UseCase, cases: pd.DataFrame) -> list[str]:
    """The judged outputs whose model says how sure it is."""
    return [output for output in use_case.judges if cases[f"{output}_confidence"].notna().any()]


def confidence_of(outputs: Sequence[str], cases: pd.DataFrame) -> NDArray[np.float64]:
    """How sure the least sure of the models is of each case, 0 to 1; 1 where none of them says; NaN: one is silent."""
    if not outputs:
        return np.ones(len(cases))
    columns = [cases[f"{output}_confidence"].to_numpy(dtype=np.float64) for output in outputs]
    least: NDArray[np.float64] = np.minimum.reduce(columns)
    return least


def verdict_loss(
    use_case: UseCase,
    verdicts: Any,
    predicted: Mapping[str, Any] | pd.DataFrame,
    truth: Mapping[str, Any],
    cases: pd.DataFrame | None = None,
    *,
    only: str | None = None,
) -> NDArray[np.float64]:
    """How wrong each verdict was, 0 (right) to 1: the largest loss over the outputs that must all be right.

    The first output that the policy is judged by, where it has no loss of its own, is right when the *verdict* equals
    it; every other when the model's *prediction* equals it, or as the output's loss says. What is missing costs 1.

    Args:
        use_case: whose policy.
        verdicts: one a case.
        predicted: output -> what its model said, one a case.
        truth: output -> what turned out true, one a case.
        cases: the cases with their predictions (quantiles too), and with their terms where these are stored: terms
            that are not there are computed. Losses with ``of_cases`` need them; by default ``predicted``, where that
            is such a frame.
        only: judge by this output alone.

    Raises:
        UseCaseError: a loss does not give one number between 0 and 1 a case, or needs the cases and has none.
    """
    losses = np.zeros(len(verdicts))
    for place, (output, loss) in enumerate(use_case.judges.items()):
        if only not in {None, output}:
            continue
        by_verdict = place == 0 and loss is None
        kind = np.float64 if use_case.model(output).kind == "regressor" and not by_verdict else object
        true = np.asarray(truth[output], dtype=kind)
        if (of_cases := getattr(loss, "of_cases", None)) is not None:
            given = predicted if cases is None and isinstance(predicted, pd.DataFrame) else cases
            found = np.asarray(of_cases(_acted_on(use_case, given, verdicts), true), dtype=np.float64)
        else:
            said = verdicts if by_verdict else predicted[output]
            found = np.asarray((loss or wrong)(np.asarray(said, dtype=kind), true), dtype=np.float64)
        if found.shape != losses.shape or not ((found >= 0) & (found <= 1)).all():
            raise UseCaseError(
                f"the loss of {output!r} of {use_case.name} gave the shape {found.shape} for {len(losses)} cases, or a "
                "number that is not between 0 and 1; it takes what was said and what was true, and gives one such "
                "number a row"
            )
        losses = np.maximum(losses, found)
    return losses


def promises_classes(use_case: UseCase) -> bool:
    """Whether the policy bounds how often each true class is decided wrongly: where verdicts are right or wrong."""
    output, loss = next(iter(use_case.judges.items()))
    return use_case.model(output).kind == "classifier" and (loss is None or isinstance(loss, Wrong))


def naive_losses(
    use_case: UseCase, frame: pd.DataFrame, truth: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[np.float64]]:
    """Verdict -> what giving it to every case would lose, row by row, by a rule that does not look at the models.

    Where a prediction is judged, the naive rule predicts of every case the most frequent class, or the median.

    Args:
        use_case: whose policy.
        frame: the cases with their predictions.
        truth: output -> what turned out true, one entry a row.
    """
    naive = frame.drop(columns=list(use_case.terms), errors="ignore")
    for output in use_case.judges:
        naive = naive.assign(**_naive_answers(use_case.model(output), len(frame), truth[output]))
    constant = {verdict: np.full(len(frame), verdict, dtype=object) for verdict in use_case.review.auto}
    return {verdict: verdict_loss(use_case, said, naive, truth) for verdict, said in constant.items()}


def _naive_answers(spec: ModelSpec, rows: int, truth: NDArray[Any]) -> dict[str, Any]:
    """The columns of a model that gives every case the same answer."""
    if spec.kind == "regressor":
        quantities = np.asarray(truth, np.float64)
        levels = dict(zip(spec.quantile_columns, spec.quantiles, strict=True))
        constants = {name: float(np.quantile(quantities, level)) for name, level in levels.items()}
        constants[spec.output] = float(np.median(quantities))
        return {name: np.full(rows, value) for name, value in constants.items()}
    names, counts = np.unique(np.asarray(truth, dtype=object).astype(str), return_counts=True)
    most = int(counts.argmax())
    return {
        spec.output: np.full(rows, names[most], dtype=object),
        f"{spec.output}_confidence": np.full(rows, counts[most] / counts.sum()),
    }


def needs_cases(use_case: UseCase) -> bool:
    """Whether a loss of the policy looks at more than what was said and what was true."""
    return any(hasattr(loss, "of_cases") for loss in use_case.judges.values())


def _acted_on(use_case: UseCase, cases: pd.DataFrame | None, verdicts: Any) -> pd.DataFrame:
    """The cases as losses see them: with predictions, terms and verdict."""
    if cases is None:
        raise UseCaseError(f"a loss of {use_case.name} looks at the cases; give verdict_loss the frame as cases=")
    there = set(use_case.terms) <= set(cases.columns)
    return grown(cases if there else with_terms(use_case, cases), {"verdict": np.asarray(verdicts, dtype=object)})
