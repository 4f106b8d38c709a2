"""Opening a case log: the connection to its database, and its schema brought up to date."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from aiops_flows.case_log.schema import bring_up_to_date, has_case_log
from aiops_flows.case_log.witness import Witness
from aiops_flows.errors import CaseLogError, CaseLogMissing
from aiops_flows.private_files import private_file, private_folder

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CaseLog", "reading"]

_BUSY_SECONDS = 60.0
_SQLITE_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # in WAL the default may lose the last commits at a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",  # else INSERT OR REPLACE deletes rows without firing the append-only triggers
    "PRAGMA cache_size=-32768",  # 32 MB: keys that arrive in no order touch many pages
    "PRAGMA wal_autocheckpoint=10000",  # 40 MB: the same pages are copied back once, not once a batch
)


class CaseLog:
    """An open case log: the record of cases, predictions, decisions, reviews, outcomes and promotions.

    It may be shared by threads. Close it, or use it as a context manager.
    """

    def __init__(
        self, engine: Engine, url: str, witness: Witness | None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.engine = engine
        self.url = url
        self.witness = witness
        self.clock = clock
        self.dialect = engine.dialect.name
        self.reader = engine.execution_options(aiops_reading=True, **_reading_options(self.dialect))
        self.leaser = engine.execution_options(aiops_leasing=True)
        """For writes that vouch for nothing and may be lost with a power cut: it ends all who hold leases on it."""
        self._closing = weakref.finalize(self, _close, engine, os.getpid())  # at the end of the process at the latest

    @classmethod
    def open(cls, url: str, *, witness: Path | None = None, clock: Callable[[], datetime] | None = None) -> Self:
        """The log at a URL such as ``sqlite:////home/me/case_log.db`` or ``postgresql://me@host/claims``.

        A new database gets its tables, one of an earlier version of the library is brought up to date.

        Args:
            url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.
            witness: file, or folder of a file, that remembers each audit head; beside a SQLite database by default.
            clock: gives the aware moment at which each write is made, for a replayed history; leases keep to the
                database's clock.

        Raises:
            CaseLogError: the URL is none, or the database cannot be reached.
            SchemaMismatch: the database was made by a newer version of this library.
        """
        address = _address(url)
        engine = _sqlite_engine(address) if address.get_backend_name() == "sqlite" else _postgresql_engine(address)
        with translated():
            bring_up_to_date(engine)
        if witness is None and address.database and engine.dialect.name == "sqlite":
            witness = Path(f"{address.database}.witness")
        return cls(engine, url, Witness(witness) if witness else None, clock)

    @staticmethod
    def refuse_missing(url: str) -> None:
        """Refuse a URL at which there is no case log; nothing is made.

        Raises:
            CaseLogMissing: no case log is there.
            CaseLogError: the URL is not valid, or the database cannot be reached.
        """
        address = _address(url)
        shown = address.render_as_string(hide_password=True)
        if address.get_backend_name() == "sqlite":
            if not Path(str(address.database)).is_file():
                raise CaseLogMissing(f"there is no case log at {shown}")
            engine = create_engine(f"sqlite:///file:{quote(str(address.database))}?mode=ro&uri=true")
        else:
            engine = _postgresql_engine(address)
        try:
            with translated():
                exists = has_case_log(engine)
        finally:
            engine.dispose()
        if not exists:
            raise CaseLogMissing(f"the database {shown} holds no case log")

    def now(self) -> datetime:
        """The time by the log's clock: that of a replayed history, else the database's; SQLite's is this machine's.

        So what expires, is due or has ended does so at one time for all workers, whatever their own clocks say.
        """
        if self.clock is not None:
            return self.clock()
        if self.dialect == "sqlite":
            return datetime.now(UTC)
        with translated(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            at: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return at.astimezone(UTC)

    def checkpoint(self) -> None:
        """Put what the write-ahead log of SQLite holds into the database file, as far as nobody reads it now.

        The file alone is then nearly all of the record, and the write-ahead log is short. On PostgreSQL, nothing.
        """
        _checkpoint(self.engine)

    def close(self) -> None:
        """Give the connections back; the log must not be used any more."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CaseLog({make_url(self.url).render_as_string(hide_password=True)!r})"


def _close(engine: Engine, process: int) -> None:
    """Close the connections of a log, in the process that opened it: a fork must leave them to its parent."""
    if os.getpid() == process:
        _checkpoint(engine)
        engine.dispose()


def _checkpoint(engine: Engine) -> None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or not Path(f"{database}-wal").exists():
        return
    with suppress(DBAPIError), closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")  # readers are not waited for: the next one does it
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1_000)}")


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as fault:
        raise CaseLogError(
            f"no database URL: {fault}. Expected sqlite:////folder/case_log.db or postgresql://user@host/database"
        ) from fault
    backend = address.get_backend_name()
    if backend == "sqlite" and address.database and address.database != ":memory:":
        return address
    if backend in {"postgresql", "postgres"}:
        return address.set(drivername="postgresql+psycopg")
    raise CaseLogError(
        f"a case log cannot be kept in {address.render_as_string(hide_password=True)!r}; "
        "expected sqlite:////folder/case_log.db (a file) or postgresql://user@host/database"
    )


def _sqlite_engine(address: URL) -> Engine:
    private_folder(Path(str(address.database)).parent)
    private_file(Path(str(address.database)))  # the files that SQLite makes beside it get its rights
    engine = create_engine(address, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)

    def on_begin(connection: Connection) -> None:
        # A transaction that writes takes the lock at once: one that has read first cannot wait for it, it fails.
        options = connection.get_execution_options()
        if options.get("aiops_reading"):
            connection.exec_driver_sql("BEGIN")
            return
        # The next write that is synced takes with it what was written before: the log is written in one order.
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('aiops_leasing') else 'FULL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _postgresql_engine(address: URL) -> Engine:
    # Statements are planned for the arrays they carry: a plan made while the tables were empty would scan them later.
    # What a commit acknowledged must survive a crash, and a worker that froze must not hold the chain's head for ever.
    promised = "-c synchronous_commit=on -c idle_in_transaction_session_timeout=60s"
    asked = address.query.get("options", "")
    options: dict[str, Any] = {"prepare_threshold": None, "options": f"{asked} {promised}".strip()}
    return create_engine(address, hide_parameters=True, pool_pre_ping=True, connect_args=options)


def _reading_options(dialect: str) -> dict[str, Any]:
    """One question sees one state of the log, however many statements it takes."""
    return {} if dialect == "sqlite" else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the database says into one of our errors, without the values it was given."""
    try:
        yield
    except DBAPIError as fault:
        lines = str(fault.orig).strip().splitlines() or ["no reason given"]
        raise CaseLogError(
            f"the case log's database refused or failed: {type(fault.orig).__name__}: {lines[0]}. "
            "Nothing of this write was stored; it may be tried again"
        ) from None  # the database's own error quotes the row it refused, and a traceback would show it


@contextmanager
def reading(log: CaseLog) -> Iterator[Connection]:
    """A connection that sees one state of the log and changes nothing."""
    with translated(), log.reader.connect() as connection:
        yield connection
