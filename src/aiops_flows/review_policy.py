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

__all__ = ["SETTLED_ELSEWHERE", "Loss", "OnAlarm", "ReviewPolicy", "Rule"]

SETTLED_ELSEWHERE = "settled elsewhere"
"""The verdict of a case whose review was closed because another system had settled it: no effect follows from it, and
it says nothing about the person who closed it."""

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
    threshold that is certified on labelled rows the models have not seen. Three things are certified, each with
    probability ``confidence``: at most ``max_error`` of the automatic decisions of each verdict are wrong; of the cases
    of each true class at most ``max_missed`` are decided wrongly; and a naive rule, which gives every case the same
    verdict, would be wrong more often. Without such a certificate every case goes to a person.
    """

    verdicts: Sequence[str]
    """Every verdict a case can get."""
    auto: Mapping[str, Rule] = field(default_factory=dict)
    """Verdict -> rule; the first rule that holds gives the verdict, none means a person decides."""
    adverse: Sequence[str] = ()
    """The verdicts that go against the person concerned, such as a denial. They are never automatic, unless
    ``allow_adverse`` says so."""
    allow_adverse: bool = False
    """Whether ``auto`` may have a rule for an adverse verdict."""
    judged_by: str | Sequence[str] | Mapping[str, Loss | None] | None = None
    """The outcomes that show whether a verdict was right; by default the first model's output. All must be right: a
    case's loss is the largest over them. The first named, where it has no loss of its own, is the verdict's judge: it
    is right when the verdict equals the outcome. Every other is right when the model's prediction equals the outcome,
    or as its loss says; a quantity needs one (``evidence.losses``)."""
    max_error: float | Mapping[str, float] = 0.05
    """The share of wrong ones (or the mean loss) that is allowed among the automatic decisions of each verdict: one
    number for all, or one for each verdict of ``auto``."""
    max_missed: float | Mapping[str, float] | None = None
    """The share of the cases of each true class that may be decided wrongly without a person: one number for all
    classes, or one for each class named. A class that is not named may be missed as often as ``max_error`` allows the
    automatic verdicts that are wrong for it. 1 promises nothing. Not used where a loss in ``judged_by`` says what a
    missed case costs."""
    allow_naive: bool = False
    """Whether a certificate may rest on what a naive rule, which gives every case the same verdict, gets as well."""
    confidence: float = 0.90
    segments: str | None = None
    """A column of the case, or the output of a classifier; each of its values is certified apart, and gets a threshold
    of its own or none."""
    pool_rare: bool = True
    """Whether segments with too few labelled rows to be certified alone are certified together, as "all others"."""
    batch_false_alarms: float = 0.01
    """The share of batches like the certified rows that may be sent to review as unlike them; 0: batches are not
    compared with the certified rows."""
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
    four_eyes: bool = False
    """Whether it takes two people to start automatic decisions again: to clear an alarm that stopped them, or to
    release a hold. A decisive model with ``four_eyes`` asks for the same."""
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
        if SETTLED_ELSEWHERE in self.verdicts:
            raise UseCaseError(
                f"verdicts has {SETTLED_ELSEWHERE!r}, which the library uses for cases that were settled in another "
                "system; choose another name"
            )
        if unknown := set(self.auto) - set(self.verdicts):
            raise UseCaseError(f"auto decides {sorted(unknown)}, which verdicts does not list: {list(self.verdicts)}")
        self._check_limits()
        self._check_adverse()
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

    def _check_limits(self) -> None:
        """See that every limit is a share, and that limits by verdict name each automatic verdict."""
        limits = list(self.max_error.values()) if isinstance(self.max_error, Mapping) else [self.max_error]
        if not (all(0 < limit < 1 for limit in limits) and 0 < self.confidence < 1):
            raise UseCaseError(
                f"max_error {self.max_error} and confidence {self.confidence} must lie strictly between 0 and 1"
            )
        if isinstance(self.max_error, Mapping):
            if unknown := sorted(set(self.max_error) - set(self.verdicts)):
                raise UseCaseError(f"max_error names {unknown}, which verdicts does not list: {list(self.verdicts)}")
            if absent := [verdict for verdict in self.auto if verdict not in self.max_error]:
                raise UseCaseError(f"max_error has no limit for {absent}, which auto decides; add one for each of them")
        shares = self.max_missed if isinstance(self.max_missed, Mapping) else {"": self.max_missed}
        if odd := [share for share in shares.values() if share is not None and not 0 < share <= 1]:
            raise UseCaseError(f"max_missed is {odd[0]}; it must be a share above 0 and at most 1")
        if not 0 <= self.batch_false_alarms < 1:
            raise UseCaseError(f"batch_false_alarms is {self.batch_false_alarms}; it must be a share from 0 to below 1")

    def _check_adverse(self) -> None:
        """See that adverse verdicts are verdicts, and automatic only where that is allowed."""
        if unknown := sorted(set(self.adverse) - set(self.verdicts)):
            raise UseCaseError(f"adverse names {unknown}, which verdicts does not list: {list(self.verdicts)}")
        automatic = [verdict for verdict in self.auto if verdict in set(self.adverse)]
        if automatic and not self.allow_adverse:
            raise UseCaseError(
                f"auto decides {automatic}, which adverse lists: adverse verdicts go to people. Remove the rule, or "
                "set allow_adverse=True if they may be automatic"
            )

    def error_limit(self, verdict: str | None = None) -> float:
        """The largest share of wrong automatic decisions that is allowed: of one verdict, or of all of them."""
        if not isinstance(self.max_error, Mapping):
            return self.max_error
        return max(self.max_error.values()) if verdict is None else self.max_error[verdict]

    def missed_limit(self, true_class: str) -> float:
        """The largest share of the cases of a true class that may be decided wrongly without a person."""
        if isinstance(self.max_missed, Mapping):
            if true_class in self.max_missed:
                return self.max_missed[true_class]
        elif self.max_missed is not None:
            return self.max_missed
        wrong = [self.error_limit(verdict) for verdict in self.auto if verdict != true_class]
        return max(wrong, default=self.error_limit())

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
        for name in ("max_error", "max_missed"):
            if isinstance(limits := getattr(self, name), Mapping):
                parts[name] = sorted([str(of), share] for of, share in limits.items())
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
