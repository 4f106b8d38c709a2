"""What all tests share, and in which order they run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.databases", "tests.homes"]

ROOT = Path(__file__).parent
SLOW_FIRST = [
    "docs/test_pages.py",
    "integration/replay",
    "acceptance",
    "integration/starting",
    "integration/case_log",
    "integration/steps",
    "integration",
]
"""Files that take minutes come first, so that no process is left alone with one of them at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first; each file is one group for a process, and each page of the docs is one of its own."""
    items.sort(key=lambda item: _rank(_place(item)))
    for item in items:
        place = _place(item)
        group = item.name if place == "docs/test_pages.py" else place
        item.add_marker(pytest.mark.xdist_group(group))


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else item.path.name


def _rank(place: str) -> int:
    return next((rank for rank, slow in enumerate(SLOW_FIRST) if place.startswith(slow)), len(SLOW_FIRST))
