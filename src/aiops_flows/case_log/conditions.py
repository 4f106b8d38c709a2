"""The conditions of a question to the log, with their values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiops_flows.case_log.moments import moment_text

__all__ = ["Conditions", "limited", "listed"]


class Conditions:
    """The conditions of a question with their values; those that were not given are left out."""

    def __init__(self, use_case: str, alias: str) -> None:
        self._texts = [f"{alias}.use_case = ?"]
        self.values: list[Any] = [use_case]

    def add(self, text: str, value: object) -> None:
        """One that holds for a value; none where the value is None."""
        if value is None:
            return
        self._texts.append(text)
        self.values.append(moment_text(value) if isinstance(value, datetime) else value)

    def require(self, text: str) -> None:
        """One that always holds."""
        self._texts.append(text)

    def __str__(self) -> str:
        return " AND ".join(self._texts)


def listed(keys: Sequence[str] | None) -> list[str] | None:
    """The keys as a value of ``= ANY(?)``; None where there is no condition on them."""
    return None if keys is None else list(keys)


def limited(limit: int | None) -> str:
    """The words that give at most so many rows."""
    return "" if limit is None else f" LIMIT {int(limit)}"
