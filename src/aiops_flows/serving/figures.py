"""How many cases a resident process took, and how long they waited for their answer."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from aiops_flows.serving.answers import Answer, State

__all__ = ["Figures", "Seen"]

_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class Seen:
    """What was seen within some time."""

    batches: int = 0
    states: Counter[State] = field(default_factory=Counter)
    seconds: Sequence[float] = ()
    """From arrival to answer, of the cases that came over HTTP."""
    failures: int = 0
    """How often the flow failed."""

    @property
    def cases(self) -> int:
        """How many rows came, those that were refused included."""
        return sum(self.states.values())

    def __str__(self) -> str:
        cases, waiting = self.cases, self.states["waits for a person"]
        said = f"{cases} cases in {self.batches} micro-batches, {waiting} wait for a person"
        for state in ("quarantined", "failed"):
            said += f", {self.states[state]} {state}" if self.states[state] else ""
        if self.failures:
            said += f"; the flow failed {self.failures} times"
        if self.seconds:
            said += f"; answered within {_milliseconds(self.seconds, 0.5)} ms (median), "
            said += f"{_milliseconds(self.seconds, 0.95)} ms (95 %)"
        return said


def _milliseconds(seconds: Sequence[float], share: float) -> int:
    """So many milliseconds or less were enough for this share."""
    ordered = sorted(seconds)
    return math.ceil(1_000 * ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)])


class Figures:
    """Counts that grow until they are taken; it may be shared by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begin()

    def _begin(self) -> None:
        self._batches, self._failures = 0, 0
        self._states: Counter[State] = Counter()
        self._seconds: deque[float] = deque(maxlen=_MOST_REMEMBERED)  # nobody may ever take them

    def add(self, answers: Sequence[Answer], seconds: Sequence[float] = ()) -> None:
        """Count a micro-batch."""
        with self._lock:
            self._batches += 1
            self._states.update(answer.state for answer in answers)
            self._seconds.extend(seconds)

    def add_failure(self) -> None:
        """Count a failure of the flow."""
        with self._lock:
            self._failures += 1

    def take(self) -> Seen:
        """What was counted since it was taken last."""
        with self._lock:
            seen = Seen(self._batches, self._states, tuple(self._seconds), self._failures)
            self._begin()
            return seen
