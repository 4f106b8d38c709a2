"""What a decision does outside the case log: a message that goes to another system under an id of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiops_flows.errors import UseCaseError

__all__ = ["Body", "Effect"]

Body = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Takes the row of a decided case, gives what is sent (anything JSON can say), or None where nothing is."""

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")


@dataclass(frozen=True)
class Effect:
    """A message that each decision sends to another system, at least once, under one effect id.

    The row given to ``body`` has the case's columns, ``verdict``, ``verdict_by`` (policy or person),
    ``verdict_reason``, ``actor``, ``revision``, and for each model's output

    - ``{output}``: what the person who decided said is true, else the prediction; of a writing its text,
    - ``{output}_confidence`` and ``{output}_version`` of the prediction that the decision rests on,
    - ``{output}_writing``: the whole writing of a model that writes,

    each term of the use case as it was decided (None where the decision has none), and ``replaces``: the id of the
    effect of this name that an earlier decision on the case sent, None for the first.
    """

    name: str
    """What it is called everywhere: lower case, digits and hyphens. Another name is another effect."""
    body: Body
    """What is sent; it is asked once for a decision, and the answer is kept in the case log."""
    verdicts: Sequence[str] = ()
    """Only decisions with one of these verdicts have this effect; empty: all."""
    since: datetime | None = None
    """Decisions made before this moment have no such effect. For one that is declared when there are decisions
    already: else each of them sends its message too."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise UseCaseError(f"effect name {self.name!r}: use lower-case letters, digits and hyphens, a letter first")
        if not callable(self.body):
            raise UseCaseError(
                f"effect {self.name}: body is a {type(self.body).__name__}; expected a function from the row of a "
                "decided case to what is sent, or None"
            )
        if isinstance(self.verdicts, str):
            raise UseCaseError(f"effect {self.name}: verdicts is one text; expected a list: [{self.verdicts!r}]")
        if self.since is not None and self.since.tzinfo is None:
            raise UseCaseError(f"effect {self.name}: since has no time zone; give it one, such as tzinfo=UTC")
