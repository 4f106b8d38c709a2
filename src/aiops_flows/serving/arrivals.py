"""Cases that wait for their turn: a bounded queue that gives micro-batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from aiops_flows.serving.answers import Answer

__all__ = ["Arrival", "Arrivals"]


@dataclass(frozen=True)
class Arrival:
    """One row that came in, and where its answer is awaited."""

    row: Mapping[str, Any]
    answer: Future[Answer] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    """When it came, in seconds of the monotonic clock."""


class Arrivals:
    """A queue of at most so many rows; it may be shared by threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: deque[Arrival] = deque()
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether nothing more is accepted."""
        return self._closed

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> list[Arrival] | None:
        """The rows as arrivals, all of them; None where there is no room for all, or nothing is accepted any more."""
        arrived = [Arrival(row) for row in rows]
        with self._changed:
            if self._closed or len(self._waiting) + len(arrived) > self.most:
                return None
            self._waiting.extend(arrived)
            self._changed.notify()
        return arrived

    def next_batch(self, *, at_most: int, within: float, patience: float) -> list[Arrival]:
        """The next micro-batch: at most so many rows, and so many seconds after the first of them came.

        Empty where none came within ``patience`` seconds, or where none is left and none is accepted any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, patience)
            if self._waiting and within > 0:
                left = within - (time.monotonic() - self._waiting[0].since)
                self._changed.wait_for(lambda: len(self._waiting) >= at_most or self._closed, max(0.0, left))
            return [self._waiting.popleft() for _ in range(min(at_most, len(self._waiting)))]

    def close(self) -> None:
        """Accept nothing more; what waits is given out still."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
