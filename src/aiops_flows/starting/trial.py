"""The past rows, tried against the case type that was written for them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.case_type import Case
from aiops_flows.errors import UseCaseError
from aiops_flows.starting.python_text import printable
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.delivery import Delivery
from aiops_flows.use_case import UseCase

__all__ = ["Refusal", "Trial", "try_rows"]

_EXAMPLE = re.compile(r" \(found (?P<value>.*)\)$")


@dataclass(frozen=True)
class Refusal:
    """Why some rows would go to quarantine."""

    reason: str
    """Field and rule, without the value."""
    rows: int
    example: str
    """A value that is refused, shortened."""

    def __str__(self) -> str:
        """The refusal in one sentence."""
        example = f", such as {self.example}" if self.example else ""
        return f"{self.rows} rows: {self.reason}{example}"


@dataclass(frozen=True)
class Trial:
    """How many of the rows the case type takes, and why it refuses the others."""

    taken: int
    refused: int
    refusals: Sequence[Refusal]
    """The most frequent first."""


def try_rows(module: str, constant: str, folder: Path, deliveries: Sequence[Delivery]) -> Trial:
    """Load the use case as written in a folder, and check rows with its case type.

    Raises:
        UseCaseError: the written file does not hold the use case.
    """
    with _loaded(module, folder) as written:
        declared = getattr(written, constant, None)
        if not isinstance(declared, UseCase):
            raise UseCaseError(f"{module}.py holds no use case called {constant}; please report this as a fault")
        return _trial(declared.case, deliveries)


def _trial(case_type: type[Case], deliveries: Sequence[Delivery]) -> Trial:
    taken = 0
    refused: list[QuarantineRow] = []
    for delivery in deliveries:
        checked = check_rows(case_type, delivery)
        taken += len(checked)
        refused += checked.refused
    return Trial(taken, len(refused), _refusals(refused))


def _refusals(refused: Sequence[QuarantineRow]) -> list[Refusal]:
    """The reasons of refused rows, one for each field and rule."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in refused:
        for part in row.reason.split("; "):
            reason = printable(_EXAMPLE.sub("", part))
            counts[reason] += 1
            match = _EXAMPLE.search(part)
            examples.setdefault(reason, match["value"] if match else "")
    return [Refusal(reason, rows, examples[reason]) for reason, rows in counts.most_common()]


@contextmanager
def _loaded(name: str, folder: Path) -> Iterator[ModuleType]:
    """A module loaded from a file, forgotten afterwards."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise UseCaseError(f"{folder / name}.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks up annotations there
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]
