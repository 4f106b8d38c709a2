"""Trying what a use case declares before anything is trained or decided: its gates, rules, terms and slices."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin
from weakref import WeakValueDictionary

import pandas as pd

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.metrics import METRICS
from aiops_flows.model_spec import CHECKS, Gate, ModelSpec
from aiops_flows.steps.frames import field_frame, grown, plain_type
from aiops_flows.steps.made_up import made_up_value
from aiops_flows.steps.terms import missing_predictions, unseen_by_policy
from aiops_flows.use_case import UseCase

__all__ = ["tried"]

_SHOWN = 12
_tried: WeakValueDictionary[int, UseCase] = WeakValueDictionary()
"""The use cases that were tried in this process, by their identity: each is tried once."""


@dataclass(frozen=True)
class _Trial:
    """One declared function, what it is called in an error, and whether its answer must be one truth value a row."""

    what: str
    function: Callable[[pd.DataFrame], Any]
    truth_values: bool = False


def tried(use_case: UseCase) -> UseCase:
    """The use case, after its gates name known metrics and its functions work on frames of its cases.

    Each rule, priority, term and slice is called with a frame of no cases and with one of a made-up case. On the
    made-up case only a misspelt name counts: its values are not those of the business.

    Raises:
        UseCaseError: a gate names an unknown metric, or a function cannot work; the message says which, and why.
    """
    if _tried.get(id(use_case)) is use_case:
        return use_case
    for model in use_case.models:
        for gate in model.gates:
            _check_metric(model, gate)
    frames = [_fields(use_case, rows=0), _fields(use_case, rows=1)]
    for name, derivation in use_case.case.derived.items():
        trial = _Trial(f"the derived column {name!r} of {use_case.case.__name__}", derivation)
        frames = [grown(frame, {name: values}) for frame, values in zip(frames, _added(trial, *frames), strict=True)]

    frames = [_with_predictions(use_case, frame) for frame in frames]
    for name, term in use_case.terms.items():
        trial = _Trial(f"the term {name!r} of {use_case.name}", term)
        frames = [grown(frame, {name: values}) for frame, values in zip(frames, _added(trial, *frames), strict=True)]
    for trial in _trials(use_case):
        _try_on_nothing(trial, frames[0])
        _try_on_a_case(trial, frames[1])
    _tried[id(use_case)] = use_case
    return use_case


def _check_metric(model: ModelSpec, gate: Gate) -> None:
    if gate.metric in CHECKS:
        return
    fitting = [name for name, metric in METRICS.items() if metric.measures(model.kind)]
    if gate.metric in fitting:
        return
    close = get_close_matches(gate.metric, fitting, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise UseCaseError(
        f"model {model.name}: a gate names {gate.metric!r}, which is not a metric of a {model.kind}.{meant} "
        f"There are {', '.join(sorted([*fitting, *CHECKS]))}"
    )


def _trials(use_case: UseCase) -> Iterator[_Trial]:
    policy = use_case.review
    for verdict, rule in policy.auto.items():
        yield _Trial(f"the rule for {verdict!r} of {use_case.name}", rule, truth_values=True)
    if policy.priority is not None:
        yield _Trial(f"the priority of {use_case.name}", policy.priority)
    for model in use_case.models:
        for gate in model.gates:
            if callable(gate.by):
                yield _Trial(f"by= of the gate {gate.metric!r} of {model.name}", gate.by)


def _try_on_nothing(trial: _Trial, empty: pd.DataFrame) -> None:
    try:
        answer = trial.function(empty)
    except Exception as fault:
        raise UseCaseError(_explained(trial, fault, empty)) from fault
    if trial.truth_values and getattr(answer, "shape", None) != (0,):
        raise UseCaseError(
            f"{trial.what} gave a {type(answer).__name__} for a frame of no cases; a rule takes the frame and gives "
            "one truth value a row, such as lambda cases: cases.amount < 5_000"
        )


def _try_on_a_case(trial: _Trial, made_up: pd.DataFrame) -> None:
    try:
        trial.function(made_up)
    except NameError as fault:
        raise UseCaseError(_explained(trial, fault, made_up)) from fault
    except AttributeError as fault:
        if isinstance(fault.obj, pd.DataFrame):
            raise UseCaseError(_explained(trial, fault, made_up)) from fault
    except Exception:  # noqa: BLE001, S110  the values are made up: what they do to a rule says nothing
        pass


def _explained(trial: _Trial, fault: Exception, frame: pd.DataFrame) -> str:
    """The fault in words; the frame holds no case, so its text may be shown."""
    columns = [str(name) for name in frame.columns]
    missing = str(getattr(fault, "name", None) or (fault.args[0] if isinstance(fault, KeyError) and fault.args else ""))
    close = get_close_matches(missing, columns, n=1)
    if missing and missing not in columns and isinstance(fault, KeyError | AttributeError):
        meant = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(columns[:_SHOWN])}"
        return f"{trial.what} uses {missing!r}, which the frame of cases does not have{meant}"
    return f"{trial.what} fails on a frame of its cases: {type(fault).__name__}: {fault}"


def _fields(use_case: UseCase, *, rows: int) -> pd.DataFrame:
    """The fields of no case, or of a made-up one."""
    fields = {name: [_value(info.annotation)] * rows for name, info in use_case.case.model_fields.items()}
    own = {"case_id": "made-up", "batch": "", "received_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return field_frame(use_case.case, fields | {name: [value] * rows for name, value in own.items()})


def _added(trial: _Trial, empty: pd.DataFrame, made_up: pd.DataFrame) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """The column that a function adds to each of both frames; missing where it fails on made-up values."""
    _try_on_nothing(trial, empty)
    _try_on_a_case(trial, made_up)
    try:
        values = list(trial.function(made_up))
    except Exception:  # noqa: BLE001  the values are made up: what they do to a function says nothing
        values = []
    added = values if len(values) == len(made_up) else [None] * len(made_up)
    number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in added)
    kind = "float64" if number else object
    return pd.Series([], dtype=kind, index=empty.index), pd.Series(added, dtype=kind, index=made_up.index)


def _with_predictions(use_case: UseCase, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as rules see it: beside the cases, what each model says of them."""
    for model in use_case.models:
        predictions = missing_predictions(model, frame.index)
        if len(frame):
            answer = 1.0 if model.kind == "regressor" else "made-up"
            predictions[model.output] = pd.Series([answer] * len(frame), index=frame.index)
            predictions[f"{model.output}_confidence"] = pd.Series([0.5] * len(frame), index=frame.index)
        frame = grown(frame, predictions)
    return frame.drop(columns=unseen_by_policy(use_case), errors="ignore")


def _value(annotation: Any) -> Any:
    """A value of a type, as the frame holds it; None of types that nothing is known of."""
    plain = plain_type(annotation)
    if get_origin(plain) is Literal:
        return get_args(plain)[0]
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return next(iter(plain)).value
    simple: dict[Any, Any] = {int: 1, float: 1.0, bool: True, str: "made-up"}
    if plain in simple:
        return simple[plain]
    if isinstance(plain, type) and issubclass(plain, date):
        return datetime(2026, 1, 1, tzinfo=UTC)
    return made_up_value(get_origin(plain) or plain)
