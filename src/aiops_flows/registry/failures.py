"""Failures that are remembered, so that a registry that is away does not hold up every batch anew.

After a failure nothing is tried for a while, which doubles with each further one; then one try is let through, and its
success makes all forgotten. The memory is a small file beside the cached versions, so runs that follow each other in
new processes share it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from aiops_flows import errors
from aiops_flows.errors import RegistryAway, RegistryError
from aiops_flows.private_files import private_folder, write_private

__all__ = ["Failures"]

_FILE = ".failures.json"
_FIRST_WAIT = 10.0
_LONGEST_WAIT = 60.0
_SHARE = 60
"""A failed try that took long is not repeated before this many times its duration,"""
_LONGEST_OF_A_SLOW_ONE = 300.0
"""or this many seconds."""
_MOST = 100


@dataclass(frozen=True)
class _Failure:
    """What failed before."""

    count: int
    until: float
    """Seconds of the system's clock: before this time nothing is tried."""
    wait: float
    kind: str
    reason: str


class Failures:
    """What failed lately, by name; shared by the processes that use one model cache."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    @contextmanager
    def remembered(self, name: str, kind: type[RegistryError] = RegistryError) -> Iterator[None]:
        """Try something that may fail, unless it failed lately; only failures of this kind are remembered.

        Raises:
            RegistryError: it failed lately, or it fails now; of the same kind both times.
        """
        before = self._read().get(name)
        if before is not None and self._waits(before):
            raise _again(before)
        if before is not None:
            self._write(name, _after(before, 0.0, before.kind, before.reason))  # one try is let through, not many
        begun = time.monotonic()
        try:
            yield
        except kind as fault:
            self._write(name, _after(before, time.monotonic() - begun, type(fault).__name__, str(fault)))
            raise
        if before is not None:
            self._write(name, None)

    def _waits(self, failure: _Failure) -> bool:
        """Whether its time is not over; a clock that was set back must not block anything for long."""
        left = failure.until - time.time()
        return 0 < left <= failure.wait

    def _read(self) -> dict[str, _Failure]:
        try:
            stored = json.loads(self._file.read_text())
            return {str(name): _Failure(**failure) for name, failure in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, name: str, failure: _Failure | None) -> None:
        """Store a failure, or forget it; two processes at once may lose one of them, which costs one more try."""
        stored = self._read()
        stored.pop(name, None)
        if failure is not None:
            stored[name] = failure
        latest = dict(sorted(stored.items(), key=lambda item: item[1].until)[-_MOST:])
        with suppress(OSError):  # it is only a memory
            private_folder(self._file.parent)
            new = self._file.with_suffix(".new")
            write_private(new, json.dumps({name: asdict(each) for name, each in latest.items()}))
            new.replace(self._file)


def _after(before: _Failure | None, seconds: float, kind: str, reason: str) -> _Failure:
    count = 1 if before is None else before.count + 1
    wait = max(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(count - 1, 10)), min(_SHARE * seconds, _LONGEST_OF_A_SLOW_ONE))
    return _Failure(count, time.time() + wait, wait, kind, reason)


def _again(failure: _Failure) -> RegistryError:
    """The same failure once more, of the same kind."""
    kind = getattr(errors, failure.kind, RegistryAway)
    seconds = max(0.0, failure.until - time.time())
    error: RegistryError = kind(f"{failure.reason} (failed {failure.count} times; tried again in {seconds:.0f} s)")
    return error
