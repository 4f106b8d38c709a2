"""What a drill found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DrillResult"]


@dataclass(frozen=True)
class DrillResult:
    """What a drill did, what it counted, and every promise that it saw broken."""

    name: str
    figures: Mapping[str, int | float | str]
    violations: list[str] = field(default_factory=list)
    skipped: str = ""
    """Why the drill could not be held here; empty when it was."""

    @property
    def passed(self) -> bool:
        """Whether it was held and nothing was broken."""
        return not self.violations and not self.skipped
