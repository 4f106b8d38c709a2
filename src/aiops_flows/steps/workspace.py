"""The case log, the registry and the settings that a step works with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiops_flows.case_log import CaseLog, leases
from aiops_flows.errors import CaseLogMissing
from aiops_flows.private_files import private_folder
from aiops_flows.registry import Patience, Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.owners import this_process
from aiops_flows.use_case import ModelSpec

__all__ = ["Clock", "Workspace", "at_the_time_of"]

Clock = Callable[[], datetime]
_OURS = "AIOPS_"
_NAMES = frozenset({"HOME", "LOGNAME", "USER", "LNAME", "USERNAME"})  # a home folder and an actor come from these
_CLOCK: ContextVar[Clock | None] = ContextVar("aiops_flows_clock", default=None)


@contextmanager
def at_the_time_of(clock: Clock) -> Iterator[None]:
    """Within it `Workspace.here` works by this clock: for a history that is played again, in a home folder of its own.

    Whatever is written says the clock's time; on a case log of real cases that would be a lie.
    """
    token = _CLOCK.set(clock)
    try:
        yield
    finally:
        _CLOCK.reset(token)


@dataclass(frozen=True)
class Workspace:
    """The case log, the registry and the settings that a step works with."""

    log: CaseLog
    registry: Registry
    settings: Settings

    @classmethod
    def here(cls) -> Workspace:
        """The workspace that the environment of this process describes; what is open already is used again.

        The home folder and the case log are made where they are missing.
        """
        settings = _settings(_said_by_environment())
        private_folder(settings.home_folder)
        return cls._of(settings)

    @classmethod
    def existing(cls) -> Workspace:
        """The same, for questions: nothing is made.

        Raises:
            CaseLogMissing: there is no case log; the error names the setting that may be mistyped.
        """
        settings = _settings(_said_by_environment())
        try:
            CaseLog.refuse_missing(settings.case_log_url)
        except CaseLogMissing as missing:
            raise CaseLogMissing(f"{missing}. {_where_it_may_be(settings)}") from None
        return cls._of(settings)

    @classmethod
    def _of(cls, settings: Settings) -> Workspace:
        return cls(
            _log(settings.case_log_url, _witness(settings), _CLOCK.get(), os.getpid()),
            _registry(settings.tracking_url, str(settings.model_cache), os.getpid()),
            settings,
        )

    def load(self, spec: ModelSpec, version: int, digest: str, *, patience: Patience = "full") -> Any:
        """A fitted version of a model, if its files are what was registered; shared: use it, do not change it.

        Raises:
            DigestMismatch: a file was changed, added or removed.
            UntrustedModel: it needs a type that is neither on our list nor in the declaration's.
            RegistryAway: it is not in the cache and MLflow does not answer.
        """
        return self.registry.load(spec.name, version, digest, trusted=spec.trusted, patience=patience)

    def hold(self, use_case: str, tokens: Iterable[str]) -> None:
        """Hold the batches of a frame's column ``batch`` for another lease, from now.

        Raises:
            LeaseLost: one of them was taken over by another worker.
        """
        held = [leases.Lease.parse(use_case, token) for token in sorted(set(tokens)) if token]
        if held:
            leases.renew(self.log, held, self.settings.lease_seconds)

    def now(self) -> datetime:
        """The moment that the case log's clock shows: the present one, or that of a replayed history."""
        return self.log.now()

    @property
    def owner(self) -> str:
        """Who holds the leases taken in this process; see `aiops_flows.steps.owners`."""
        return this_process()


def _where_it_may_be(settings: Settings) -> str:
    """The next step where no case log is found."""
    if settings.database_url:
        return "Correct AIOPS_DATABASE_URL; `aiops-flows up` or `run` makes a new case log"
    expected = f"Expected one in the home folder {settings.home_folder}"
    exists = "which exists" if settings.home_folder.is_dir() else "which does not exist"
    return f"{expected}, {exists}. Correct AIOPS_HOME; `aiops-flows up` or `run` makes a new case log"


def _said_by_environment() -> tuple[tuple[str, str], ...]:
    """The variables that settings are read from: while they stay the same, so do the settings."""
    return tuple(
        (name, value) for name, value in os.environ.items() if name in _NAMES or name.upper().startswith(_OURS)
    )


@lru_cache(maxsize=8)
def _settings(said: tuple[tuple[str, str], ...]) -> Settings:  # noqa: ARG001  reading them takes a millisecond or two
    return Settings()


@lru_cache(maxsize=8)
def _log(url: str, witness: Path | None, clock: Clock | None, process: int) -> CaseLog:  # noqa: ARG001  a fork opens its own
    return CaseLog.open(url, witness=witness, clock=clock)


def _witness(settings: Settings) -> Path | None:
    """Where this machine remembers what it wrote to a database elsewhere; SQLite has its witness beside it."""
    address = urlsplit(settings.case_log_url)
    if address.scheme.startswith("sqlite"):
        return None
    name = f"{address.hostname}:{address.port}{address.path}"  # without the password, which may change
    return settings.home_folder / f"case_log-{hashlib.sha256(name.encode()).hexdigest()[:8]}.witness"


@lru_cache(maxsize=8)
def _registry(url: str, cache: str, process: int) -> Registry:  # noqa: ARG001
    return Registry(url, Path(cache))
