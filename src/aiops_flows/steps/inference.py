"""Predicting: the champion answers each case once, a challenger beside it without effect."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import promotions, writes
from aiops_flows.case_log.values import floats
from aiops_flows.errors import RegistryError
from aiops_flows.steps.answer_numbers import AnswerNumbers
from aiops_flows.steps.class_answers import NO_CLASS, ClassAnswers, with_answers
from aiops_flows.steps.frames import grown
from aiops_flows.steps.halving import in_halves
from aiops_flows.steps.quantiles import Quantities, path_of, quantile_columns, quantile_texts
from aiops_flows.steps.terms import missing_predictions
from aiops_flows.steps.workspace import Workspace
from aiops_flows.steps.writings import Texts, texts_for, writings
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "Answers",
    "answer",
    "answered",
    "answers_of",
    "careful_numbers",
    "features_of",
    "predict",
    "predict_with",
]

_AT_ONCE = 10_000  # cases: more at once cost no less a case, only memory
_MOST_SCORES = 10  # of so many classes at most, the probabilities are kept: those of 150 fill 60 MB for 10,000 cases
_FEW_CLASSES = 12  # so many or fewer are kept wholly
_logger = logging.getLogger("aiops_flows.inference")


@dataclass(frozen=True)
class Answers:
    """What an estimator said of cases, one entry each; ``values`` holds None where it could say nothing."""

    values: list[Any]
    confidences: list[float | None]
    scores: list[str] | None
    """JSON object a case: class -> probability (of more than 12 classes the 10 most probable), or ``q10`` -> quantile
    and ``path`` -> the quantiles of each period ahead; None of quantities without quantiles and of writings."""
    failures: dict[int, str]
    """Position -> why the estimator could say nothing."""


def predict(place: Workspace, use_case: UseCase, model: str | ModelSpec, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with what the champion says of them.

    The version is pinned for the whole call and loaded only if its files have the promoted digest. A case that was
    answered before keeps that answer, whoever is champion now. Where no champion can answer, the prediction is
    missing, the note says why, and the cases go to people.

    Args:
        place: where models come from and predictions are stored.
        use_case: the business process.
        model: the model, or its name.
        cases: frame with ``case_id``, ``batch`` and the model's features; no column of it is changed.

    Returns:
        The frame with ``{output}`` (class label, quantity, or writing: a text, or a dict with the key ``text``),
        ``{output}_confidence`` (probability of that class, below 0.5 where an estimator with a threshold of its own
        answers with the less probable one; of quantities what the estimator's ``predict_confidence`` says, or how
        narrow its interval is; NaN where it has neither), ``{output}_version`` (``Int64``), ``{output}_note`` (empty,
        or why nothing was said), and for each quantile a column such as ``{output}_q10`` (NaN where the version does
        not know that level).
    """
    spec = model if isinstance(model, ModelSpec) else use_case.model(model)
    place.hold(use_case.name, cases["batch"].unique())
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return _silent(spec, cases, f"{spec.name} has no champion")
    try:
        estimator = place.load(spec, champion.version, champion.digest, patience="once")
    except RegistryError as fault:
        _logger.error("%s version %d is not used: %s", spec.name, champion.version, fault)  # noqa: TRY400  said, not traced
        return _silent(
            spec, cases, f"{spec.name} version {champion.version} could not be loaded: {type(fault).__name__}"
        )
    answers = answer(spec, estimator, cases, texts_for(place, use_case, spec))
    answered = _record(place, use_case, spec, champion.version, cases, answers)
    _shadow(place, use_case, spec, cases)
    return answered


def answer(
    spec: ModelSpec, estimator: Any, cases: pd.DataFrame, texts: Texts | None = None, *, path: bool = True
) -> Answers:
    """What a fitted estimator says of cases; rows at which it fails are found and told apart, the others answered.

    ``texts`` answers a writer that points at texts of past cases; see `aiops_flows.steps.writings.texts_for`. Without
    ``path`` a forecaster is not asked for the periods ahead one by one, which only people look at.
    """
    try:
        features = features_of(spec, estimator, cases)
    except KeyError:  # the case type has changed since: the version cannot answer, and says so of each case
        nothing: list[Any] = [None] * len(cases)
        reason = "the model learned from columns that the cases no longer have"
        scores = ["{}"] * len(cases) if spec.kind == "classifier" or spec.quantiles else None
        return Answers(nothing, nothing, scores, dict.fromkeys(range(len(cases)), reason))
    if spec.kind == "writer":
        values, confidences, failures = writings(estimator, features, cases["case_id"].tolist(), texts)
        return Answers(values, confidences, None, failures)
    said, failures = careful_numbers(spec, estimator, features)
    ahead = path_of(estimator, features, said.levels) if path and said.levels else None
    return answers_of(said, failures, ahead)


def features_of(spec: ModelSpec, estimator: Any, cases: pd.DataFrame) -> pd.DataFrame:
    """The columns that an estimator learned from; a version knows its own, whatever the declaration says by now."""
    names = getattr(estimator, "feature_names_in_", None)
    return cases[list(spec.features) if names is None else [str(name) for name in names]]


def predict_with(
    spec: ModelSpec, estimator: Any, version: int, cases: pd.DataFrame, texts: Texts | None = None
) -> pd.DataFrame:
    """The cases with what one fitted version says of them; nothing is stored, and nothing read but ``texts``."""
    return answered(spec, version, cases, answer(spec, estimator, cases, texts, path=False))


def answered(spec: ModelSpec, version: int, cases: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """The cases with the answers of one version in the columns that `predict` adds."""
    versions: list[int | None] = [None if position in answers.failures else version for position in range(len(cases))]
    notes = [answers.failures.get(position, "") for position in range(len(cases))]
    return _grown(spec, cases, (answers.values, answers.confidences, answers.scores), versions, notes)


def careful_numbers(spec: ModelSpec, estimator: Any, features: pd.DataFrame) -> tuple[AnswerNumbers, dict[int, str]]:
    """What a classifier or regressor says; rows at which it fails are zeros, and their positions have the reason."""
    if spec.kind == "classifier":
        classes = ClassAnswers.of(estimator)
        numbers, failures = _careful(classes.ask, features, classes.width)
        return AnswerNumbers(numbers, classes.classes), failures
    quantities = Quantities.of(estimator)
    numbers, failures = _careful(quantities.ask, features, quantities.width)
    return AnswerNumbers(numbers, None, quantities.levels, quantities.sure is not None), failures


def answers_of(said: AnswerNumbers, failures: dict[int, str], path: Sequence[Any] | None = None) -> Answers:
    """The numbers as answers; what cannot be used is added to the failures."""
    if said.classes is None:
        return _quantity_answers(said, failures, path)
    return _class_answers(ClassAnswers(None, said.classes), said.numbers, failures)


def _quantity_answers(said: AnswerNumbers, failures: dict[int, str], path: Sequence[Any] | None) -> Answers:
    values, quantiles, confidence = said.quantities.read(said.numbers)
    for position in np.flatnonzero((confidence < 0) | (confidence > 1)).tolist():
        failures.setdefault(position, "the model gave a confidence that is not between 0 and 1")
    sure = floats(confidence)
    scores = quantile_texts(said.levels, quantiles, path, failures) if said.levels else None
    for position in failures:
        sure[position] = None
    return Answers(_unless(failures, values), sure, scores, failures)


def _unless(failures: Mapping[int, str], numbers: np.ndarray[Any, Any]) -> list[Any]:
    """The numbers, but None where the estimator failed."""
    values: list[Any] = numbers.tolist()
    for position in failures:
        values[position] = None
    return values


def _class_answers(classes: ClassAnswers, numbers: np.ndarray[Any, Any], failures: dict[int, str]) -> Answers:
    places, probabilities, sure = classes.read(numbers)
    for position in np.flatnonzero(places == NO_CLASS).tolist():
        failures.setdefault(position, "the model answered with something that is none of its classes")
    confidences: list[Any] = sure.tolist()
    values: list[Any] = classes.named(places).tolist()
    scores = _scores(classes.classes, probabilities, places)
    for position in failures:
        values[position], confidences[position], scores[position] = None, None, "{}"
    return Answers(values, confidences, scores, failures)


def _scores(classes: list[str], probabilities: np.ndarray[Any, Any], answered: NDArray[np.int64]) -> list[str]:
    """The probabilities of each row as a JSON object; many numbers are written by one call, which halves the cost."""
    if len(classes) > _FEW_CLASSES:
        return _best_scores(classes, probabilities, answered)
    template = "{" + ",".join(f"{json.dumps(name).replace('%', '%%')}:%s" for name in classes) + "}"
    said: list[str] = []
    for start in range(0, len(probabilities), _AT_ONCE):  # all at once would take the most memory of a whole batch
        numbers = orjson.dumps(probabilities[start : start + _AT_ONCE].ravel().tolist())[1:-1].decode().split(",")
        said += [template % row for row in zip(*[iter(numbers)] * len(classes), strict=True)]
    return said


def _best_scores(classes: list[str], probabilities: np.ndarray[Any, Any], answered: NDArray[np.int64]) -> list[str]:
    """The same of the most probable classes alone, the most probable first; the class of the answer is among them."""
    names = [json.dumps(name) for name in classes]
    said: list[str] = []
    for start in range(0, len(probabilities), _AT_ONCE):
        part = probabilities[start : start + _AT_ONCE]
        most = np.argsort(-part, axis=1, kind="stable")[:, :_MOST_SCORES]
        best = with_answers(most, answered[start : start + _AT_ONCE])
        shares = np.take_along_axis(part, best, axis=1)
        numbers = iter(orjson.dumps(shares.ravel().tolist())[1:-1].decode().split(","))
        said += ["{" + ",".join(f"{names[at]}:{next(numbers)}" for at in row) + "}" for row in best.tolist()]
    return said


def _careful(
    function: Callable[[pd.DataFrame], Any], features: pd.DataFrame, width: int
) -> tuple[np.ndarray[Any, Any], dict[int, str]]:
    """The function's rows; those at which it fails are found and told apart."""
    said = np.zeros((len(features), width))

    def ask(start: int, end: int) -> None:
        said[start:end] = np.asarray(function(features.iloc[start:end]), dtype=float).reshape(end - start, width)

    failed = in_halves(ask, len(features), at_once=_AT_ONCE)
    failures = {position: f"the model failed on it with {why}" for position, why in failed.items()}
    for position in np.flatnonzero(~np.isfinite(said).all(axis=1)).tolist():
        failures.setdefault(position, "the model gave a value that is not finite")
        said[position] = 0.0
    return said, failures


def _record(
    place: Workspace, use_case: UseCase, spec: ModelSpec, version: int, cases: pd.DataFrame, answers: Answers
) -> pd.DataFrame:
    """Store the answers batch by batch; those stored before win over the new ones."""
    ids, tokens = cases["case_id"].tolist(), cases["batch"].tolist()
    said = [position for position in range(len(ids)) if position not in answers.failures]
    stored = _write(place, writes.add_predictions, use_case.name, (spec, version), (ids, tokens, answers), said)
    values, confidences, scores = answers.values, answers.confidences, answers.scores
    versions: list[int | None] = [version] * len(ids)
    notes = [""] * len(ids)
    for position, why in answers.failures.items():
        versions[position], notes[position] = None, f"{spec.name}: {why}"
    if stored:
        values, confidences, scores = list(values), list(confidences), None if scores is None else list(scores)
        for position, case_id in enumerate(ids):
            if case_id in stored:
                before = stored[case_id]
                values[position], confidences[position] = before.value, before.confidence
                versions[position], notes[position] = before.version, ""
                if scores is not None:
                    scores[position] = before.scores or ""
    return _grown(spec, cases, (values, confidences, scores), versions, notes)


def _write(
    place: Workspace,
    write: Callable[..., Any],
    use_case: str,
    said_by: tuple[ModelSpec, int],
    content: tuple[list[str], list[str], Answers],
    positions: Sequence[int],
) -> dict[str, Any]:
    (spec, version), (ids, tokens, answers) = said_by, content
    stored: dict[str, Any] = {}
    for start in range(0, len(positions), place.settings.batch_size):
        part = positions[start : start + place.settings.batch_size]
        added = write(
            place.log,
            use_case,
            model=spec.name,
            version=version,
            case_ids=[ids[position] for position in part],
            values=[answers.values[position] for position in part],
            confidences=[answers.confidences[position] for position in part],
            scores=None if answers.scores is None else [answers.scores[position] for position in part],
            tokens=[tokens[position] for position in part],
        )
        stored |= getattr(added, "stored", {})
    return stored


def _shadow(place: Workspace, use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame) -> None:
    """A challenger answers the same cases; nothing it says or fails at has an effect on them."""
    challenger = promotions.challenger(place.log, use_case.name, spec.name)
    if challenger is None or cases.empty:
        return
    try:
        estimator = place.load(spec, challenger.version, challenger.digest, patience="little")
    except RegistryError as fault:
        _logger.warning("challenger %s version %d stays silent: %s", spec.name, challenger.version, fault)
        return
    answers = answer(spec, estimator, cases, texts_for(place, use_case, spec), path=False)
    said = [position for position in range(len(cases)) if position not in answers.failures]
    content = (cases["case_id"].tolist(), cases["batch"].tolist(), answers)
    _write(place, writes.add_shadow_predictions, use_case.name, (spec, challenger.version), content, said)


def _silent(spec: ModelSpec, cases: pd.DataFrame, note: str) -> pd.DataFrame:
    """The frame where nothing could be predicted."""
    return grown(cases, missing_predictions(spec, cases.index) | {f"{spec.output}_note": [note] * len(cases)})


def _grown(
    spec: ModelSpec,
    cases: pd.DataFrame,
    said: tuple[Sequence[Any], Sequence[float | None], Sequence[str | None] | None],
    versions: Sequence[int | None],
    notes: Sequence[str],
) -> pd.DataFrame:
    values, confidences, scores = said
    name = spec.output
    kind = "float64" if spec.kind == "regressor" else object
    added = {
        name: pd.Series(values, dtype=kind, index=cases.index),
        f"{name}_confidence": pd.Series(list[Any](confidences), dtype="float64", index=cases.index),
        f"{name}_version": pd.Series(list[Any](versions), dtype="Int64", index=cases.index),
        f"{name}_note": pd.Series(notes, dtype=object, index=cases.index),
    }
    told = [None] * len(cases) if scores is None else scores
    return grown(cases, added | quantile_columns(spec, told, cases.index))
