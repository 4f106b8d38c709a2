"""What the conformance suite found of a use case: one sentence a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CheckResult", "Report", "failed", "passed", "unproved"]

Figures = Mapping[str, int | float | str]


@dataclass(frozen=True)
class CheckResult:
    """One check of a use case: whether it passed, and the sentence that says why or why not."""

    name: str
    passed: bool | None
    """None: there was nothing to look at, so nothing is proved."""
    sentence: str
    figures: Figures = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def word(self) -> str:
        """``passed``, ``FAILED`` or ``not proved``."""
        return {True: "passed", False: "FAILED", None: "not proved"}[self.passed]

    def __str__(self) -> str:
        return f"{self.name}: {self.word}: {self.sentence}"


def passed(name: str, sentence: str, figures: Figures | None = None) -> CheckResult:
    """A check that passed, with what was seen."""
    return CheckResult(name, passed=True, sentence=sentence, figures=figures or {})


def failed(name: str, sentence: str, figures: Figures | None = None) -> CheckResult:
    """A check that failed, with what is broken and what to do."""
    return CheckResult(name, passed=False, sentence=sentence, figures=figures or {})


def unproved(name: str, sentence: str, figures: Figures | None = None) -> CheckResult:
    """A check that found nothing to look at, and why."""
    return CheckResult(name, passed=None, sentence=sentence, figures=figures or {})


@dataclass(frozen=True)
class Report:
    """What became of every check of a use case."""

    use_case: str
    results: Sequence[CheckResult]

    @property
    def passed(self) -> bool:
        """Whether no check failed, of at least one."""
        return bool(self.results) and not self.failed

    @property
    def failed(self) -> list[CheckResult]:
        """The checks that failed."""
        return [result for result in self.results if result.passed is False]

    def __getitem__(self, name: str) -> CheckResult:
        """The result of the check of that name."""
        return next(result for result in self.results if result.name == name)

    def as_rows(self) -> list[dict[str, Any]]:
        """One row a check, for a table or for JSON."""
        return [
            {"check": each.name, "result": each.word, "what was seen": each.sentence, "seconds": round(each.seconds, 1)}
            for each in self.results
        ]

    def __str__(self) -> str:
        return "\n".join([f"{self.use_case}:", *(f"  {result}" for result in self.results)])
