"""The way to MLflow: opened quietly and once, asked for a sign of life first, its errors told in our words."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from aiops_flows.errors import AiopsError, NoAnswer, RegistryAway, RegistryError, VersionUnknown
from aiops_flows.outgoing import Caller, check_port
from aiops_flows.private_files import private_file, private_folder
from aiops_flows.registry.moved import follow_move
from aiops_flows.telemetry import switch_off

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ARTIFACTS", "SOON_SECONDS", "Connection"]

ARTIFACTS = "mlflow-artifacts"
"""Folder beside the database, where MLflow keeps its records in SQLite."""

SOON_SECONDS = 0.8
"""How long a batch of cases waits for a sign of MLflow, and for each further piece of a version."""
_SIGN_OF_LIFE_SECONDS = 2.4
_LOCK_SECONDS = 120.0
_AWAY = frozenset({"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"})
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_QUIET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # MLflow's own: 120 s, seven times
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


class Connection:
    """The one client of a registry, made when it is first needed.

    It never touches MLflow's global state (active run, tracking URI). It does set the variables of MLflow's
    environment that were not set: no telemetry, no progress bars, and a server that is away is found out in seconds.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: MlflowClient | None = None
        self._opening = threading.Lock()

    @property
    def name(self) -> str:
        """Where MLflow is, without a password."""
        return _shown(self.url)

    @property
    def store_file(self) -> Path | None:
        """The database file, where MLflow keeps its records in SQLite on this machine."""
        if _scheme(self.url) != "sqlite":
            return None
        return Path(self.url.split("///", 1)[-1]).absolute()

    @property
    def artifact_root(self) -> str | None:
        """Where runs keep their files; None where the server knows."""
        return (self.store_file.parent / ARTIFACTS).as_uri() if self.store_file else None

    def fault(self, question: str = "/health", seconds: float = _SIGN_OF_LIFE_SECONDS) -> str:
        """Why MLflow cannot be used now, or nothing.

        Args:
            question: the path that a server is asked for; any answer is a sign of life.
            seconds: within which this is known.
        """
        try:
            self._sign_of_life(question, seconds)
        except NoAnswer as fault:
            return str(fault)
        except (OSError, sqlite3.Error) as fault:
            return f"{type(fault).__name__}: {fault}"
        return ""

    def check_version(self, doing: str, model: str, version: int) -> None:
        """Return if MLflow answers a question about this version soon; for those who cannot wait.

        Raises:
            RegistryAway: it does not.
        """
        about = urlencode({"name": model, "version": version})
        if fault := self.fault(f"/api/2.0/mlflow/model-versions/get?{about}", SOON_SECONDS):
            raise RegistryAway(self._away(doing, fault))
        _be_quiet()

    def check(self, doing: str) -> None:
        """Return if MLflow answers.

        Raises:
            RegistryAway: it does not.
        """
        if fault := self.fault():
            raise RegistryAway(self._away(doing, fault))
        _be_quiet()

    @contextmanager
    def reach(self, doing: str, unknown: str = "") -> Iterator[MlflowClient]:
        """The client, for one piece of work.

        Raises:
            RegistryAway: MLflow does not answer, before or during the work.
            VersionUnknown: MLflow does not have what ``unknown`` describes.
            RegistryError: MLflow refused.
        """
        self.check(doing)
        from mlflow.exceptions import MlflowException

        try:
            yield self._open()
        except MlflowException as fault:
            if fault.error_code == "RESOURCE_DOES_NOT_EXIST" and unknown:
                raise VersionUnknown(f"{unknown} is not registered in MLflow at {_shown(self.url)}") from fault
            if fault.error_code in _AWAY and "out-of-date database schema" not in str(fault):
                raise RegistryAway(self._away(doing, str(fault))) from fault
            raise RegistryError(f"{doing}: MLflow at {_shown(self.url)} refused: {fault}") from fault
        except OSError as fault:  # requests' errors are of this kind as well
            raise RegistryAway(self._away(doing, f"{type(fault).__name__}: {fault}")) from fault
        except AiopsError:
            raise
        except Exception as fault:  # whatever MLflow's client makes of an answer that it does not expect
            told = f"{type(fault).__name__}: {str(fault)[:300]}"
            raise RegistryError(
                f"{doing}: MLflow at {_shown(self.url)} gave an answer that cannot be read ({told}). "
                "Check that AIOPS_MLFLOW_URL is an MLflow server of version 3"
            ) from fault

    def _open(self) -> MlflowClient:
        with self._opening:
            if self._client is None:
                self._client = self._create() if self.store_file is None else self._create_locked(self.store_file)
            return self._client

    def _create(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(self.url, registry_uri=self.url)

    def _create_locked(self, file: Path) -> MlflowClient:
        """Open a store of this machine, one process at a time: four at once broke a fresh one for good (3.17)."""
        import mlflow  # noqa: F401  two seconds of import that nobody need wait for behind the lock
        from filelock import FileLock, Timeout

        private_folder(file.parent)
        private_folder(file.parent / ARTIFACTS)
        try:
            with FileLock(file.with_name(f"{file.name}.lock"), timeout=_LOCK_SECONDS, mode=0o600):
                private_file(file)
                follow_move(file, (file.parent / ARTIFACTS).as_uri())
                client = self._create()
                client.search_registered_models(max_results=1)  # the registry's half is opened at its first use
                return client
        except Timeout as fault:
            raise OSError(f"another process has held {fault.lock_file} for {_LOCK_SECONDS:.0f} s") from fault

    @property
    def is_remote(self) -> bool:
        """Whether MLflow is a server, which may hang, and not a file."""
        return self.store_file is None

    def _sign_of_life(self, question: str, seconds: float) -> None:
        scheme = _scheme(self.url)
        if scheme in {"http", "https"}:
            _answers(self.url, question, seconds)
        elif scheme in _PORTS:
            parts = urlsplit(self.url)
            check_port(parts.hostname or "localhost", parts.port or _PORTS[scheme], seconds=seconds)
        elif self.store_file is not None and self.store_file.exists():
            with sqlite3.connect(f"{self.store_file.as_uri()}?mode=ro", uri=True, timeout=1) as database:
                database.execute("SELECT 1 FROM sqlite_master LIMIT 1")
            database.close()

    def _away(self, doing: str, fault: str) -> str:
        return (
            f"{doing}: MLflow at {_shown(self.url)} does not answer ({fault[:300]}). "
            "Versions in the local cache are used on; start MLflow, or correct AIOPS_MLFLOW_URL, and run this again"
        )


def _answers(url: str, question: str, seconds: float) -> None:
    """Return if there is any answer; an HTTP error is one, the server says more when it is asked for something."""
    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    answer = Caller(body_seconds=0).call("GET", f"{plain.rstrip('/')}{question}", seconds=seconds, headers=headers)
    if answer.status in {502, 503, 504}:  # a gateway before a server that is away
        raise NoAnswer(f"answered {answer.status}")


def _be_quiet() -> None:
    """Set what MLflow reads from the environment when it is imported, where nobody has set it otherwise."""
    switch_off()
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _scheme(url: str) -> str:
    return urlsplit(url).scheme.split("+")[0]


def _shown(url: str) -> str:
    """The URL without the login, the query and the fragment that it may have."""
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
