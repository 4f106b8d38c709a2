"""Steps of a long task for whoever listens (the command line does, a flow run logs them), and what the library logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["listen", "logging_from", "step"]

_logger = logging.getLogger("aiops_flows.progress")


def step(words: str, *values: object) -> None:
    """Report the step that begins now, such as ``step("training on %d rows", 1_200)``; figures only, never a case."""
    _logger.info(words, *values)


@contextmanager
def listen(hear: Callable[[str], None]) -> Iterator[None]:
    """Within this context ``hear`` gets every step as text, and no log does."""
    handler = _Listener(hear)
    before = (_logger.level, _logger.propagate)
    _logger.addHandler(handler)
    _logger.setLevel(logging.INFO)
    _logger.propagate = False
    try:
        yield
    finally:
        _logger.removeHandler(handler)
        _logger.setLevel(before[0])
        _logger.propagate = before[1]


@contextmanager
def logging_from(level: int) -> Iterator[None]:
    """Within this context the library logs from a level up; afterwards as before."""
    logger = logging.getLogger("aiops_flows")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


class _Listener(logging.Handler):
    """Hands every step to a function."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.getMessage())
