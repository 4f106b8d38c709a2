"""Asking code that may fail on any row, so that one row stops no batch."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["in_halves"]


def in_halves(ask: Callable[[int, int], None], rows: int, *, at_once: int | None = None) -> dict[int, str]:
    """Position -> class of the error, of the rows at which ``ask(start, end)`` fails even alone.

    A part at which it fails is halved until the rows at fault stand alone; all others are asked with success.

    Args:
        ask: does something with the rows from ``start`` up to before ``end``.
        rows: how many there are.
        at_once: at most so many together; by default all.
    """
    failed: dict[int, str] = {}
    size = at_once or max(rows, 1)
    waiting = [(start, min(start + size, rows)) for start in range(0, rows, size)]
    while waiting:
        start, end = waiting.pop()
        try:
            ask(start, end)
        except Exception as fault:  # noqa: BLE001  an estimator or a derivation may raise anything
            if end - start == 1:
                failed[start] = type(fault).__name__
            else:
                middle = (start + end) // 2
                waiting += [(start, middle), (middle, end)]
    return failed
