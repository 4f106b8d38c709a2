"""What may be decided without a person, under which proof, and how much of it people read all the same."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from aiops_flows.errors import UseCaseError
from aiops_flows.rule_text import rule_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Loss", "OnAlarm", "ReviewPolicy", "Rule"]

Rule = Callable[["pd.DataFrame"], "pd.Series[bool]"]
"""Takes the frame of cases with predictions, gives one truth value a row."""

Loss = Callable[[Any, Any], Any]
"""Takes what was said and what was true, gives one number between 0 (right) and 1 (as bad as any) a row."""

OnAlarm = Literal["to people", "roll back"]
"""What follows when outcomes prove a champion worse than certified: no automatic decision, or an earlier champion."""


@dataclass(frozen=True)
class ReviewPolicy:
    """What may be decided without a person, how much of it is read all the same, and how fast people must answer.

    A case is decided by policy only where a rule of ``auto`` holds *and* the confidence of the judged models reaches a
    threshold that is certified on labelled rows the models have not seen: at most ``max_error`` wrong verdicts among
    those decided, with probability ``confidence``. Without such a certificate every case goes to a person.
    """

    verdicts: Sequence[str]
    """Every verdict a case can get."""
    auto: Mapping[str, Rule] = field(default_factory=dict)
    """Verdict -> rule; the first rule that holds gives the verdict, none means a person decides."""
    judged_by: str | Sequence[str] | Mapping[str, Loss | None] | None = None
    """The outcomes that show whether a verdict was right; by default the first model's output. All must be right: a
    case's loss is the largest over them. The first named, where it has no loss of its own, is the verdict's judge: it
    is right when the verdict equals the outcome. Every other is right when the model's prediction equals the outcome,
    or as its loss says; a quantity needs one (``evidence.losses``)."""
    max_error: float = 0.05
    confidence: float = 0.90
    segments: str | None = None
    """A column of the case; each of its values is certified apart, and gets a threshold of its own or none."""
    valid_for: timedelta = timedelta(days=90)
    """So long after it was issued a certificate allows anything."""
    audit: float = 0.02
    """The share of automatic decisions that a person reads as well."""
    audit_floor: int = 0
    """How many readings to expect for each verdict (and segment) while a certificate is valid; rare ones are read more
    often to reach it."""
    blind: bool = True
    """Whether readers of audited cases see neither the verdict nor what the models said."""
    salt: str = ""
    """What the choice of audited cases is computed from besides their ids; a secret one cannot be foreseen."""
    audit_on_drift: float = 5.0
    """How many times as many are audited while a drift alarm asks for it."""
    approval_on_drift: bool = False
    """Whether a promotion waits for the approval of a second person while a drift alarm is open."""
    on_alarm: OnAlarm = "to people"
    """What follows when outcomes prove a champion worse than certified."""
    second_readings: float = 0.0
    """The share of people's answers that another person reads a second time, blind."""
    known_cases: float = 0.0
    """How many cases whose truth is known are put to people, blind, as a share of their answers."""
    due: timedelta = timedelta(days=5)
    """A person's answer is due so long after the review was opened."""
    priority: Callable[[pd.DataFrame], pd.Series[float]] | None = None
    """Frame -> number a row; higher is asked first. By default all are equal."""
    terms: Mapping[str, Callable[[pd.DataFrame], Any]] = field(default_factory=dict)
    """Not to be given: the use case puts its own terms here, so that they are part of the policy's version."""

    def __post_init__(self) -> None:
        if unknown := set(self.auto) - set(self.verdicts):
            raise UseCaseError(f"auto decides {sorted(unknown)}, which verdicts does not list: {list(self.verdicts)}")
        if not (0 < self.max_error < 1 and 0 < self.confidence < 1):
            raise UseCaseError(
                f"max_error {self.max_error} and confidence {self.confidence} must lie strictly between 0 and 1"
            )
        for name in ("audit", "second_readings", "known_cases"):
            if not 0 <= getattr(self, name) <= 1:
                raise UseCaseError(f"{name} is {getattr(self, name)}; it is a share, give a number from 0 to 1")
        if self.audit_floor < 0:
            raise UseCaseError(f"audit_floor is {self.audit_floor}; it is a number of readings, give 0 or more")
        if not 1 <= self.audit_on_drift < math.inf:
            raise UseCaseError(
                f"audit_on_drift is {self.audit_on_drift}; it multiplies the audit share, give 1 or more"
            )
        if self.valid_for <= timedelta(0):
            raise UseCaseError(f"valid_for is {self.valid_for}; a certificate must be valid for some time")
        if self.on_alarm not in get_args(OnAlarm):
            raise UseCaseError(f"on_alarm is {self.on_alarm!r}; choose one of {list(get_args(OnAlarm))}")
        self._check_judges()

    def _check_judges(self) -> None:
        if self.judged_by is None:
            return
        if not self.judged_by:
            raise UseCaseError("judged_by names no outcome; leave it out to judge by the first model's output")
        names = [self.judged_by] if isinstance(self.judged_by, str) else list(self.judged_by)
        if len(set(names)) < len(names):
            raise UseCaseError(f"judged_by names an outcome twice: {names}")
        losses: dict[str, Any] = dict(self.judges(""))
        if odd := [name for name, loss in losses.items() if loss is not None and not callable(loss)]:
            raise UseCaseError(
                f"the loss of {odd} in judged_by cannot be called; it takes what was said and what was true, such as "
                "evidence.losses.beyond(0.1)"
            )

    def judges(self, first: str) -> dict[str, Loss | None]:
        """Outcome -> loss, in the order named; ``first`` is what judges where nothing is named."""
        if self.judged_by is None:
            return {first: None}
        if isinstance(self.judged_by, str):
            return {self.judged_by: None}
        if isinstance(self.judged_by, Mapping):
            return dict(self.judged_by)
        return dict.fromkeys(self.judged_by)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits that change whenever the policy does, its rules and the values they use included."""
        parts = {each.name: _told(getattr(self, each.name)) for each in fields(self)}
        parts["auto"] = [[verdict, rule_text(rule)] for verdict, rule in self.auto.items()]
        parts["priority"] = rule_text(self.priority)
        parts["judged_by"] = [[name, _loss_text(loss)] for name, loss in self.judges("").items()]
        del parts["terms"]  # where there are none, the version is what it was before there were any
        if self.terms:
            parts["terms"] = [[name, rule_text(term)] for name, term in self.terms.items()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _told(value: object) -> object:
    """A plain field as JSON can say it; the others are told by those who know them."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | int | float | None):
        return value
    return [str(each) for each in cast("Sequence[object]", value)] if isinstance(value, Sequence) else None


def _loss_text(loss: Loss | None) -> str | None:
    """A loss as text: what it says of itself, or its source where that would name an address in memory."""
    if loss is None:
        return None
    if hasattr(loss, "of_cases"):  # what it costs is computed by code that its own text does not hold
        return rule_text(loss)
    told = repr(loss)
    plain = not (inspect.isroutine(loss) or isinstance(loss, functools.partial) or " at 0x" in told)
    return told if plain else rule_text(loss)
