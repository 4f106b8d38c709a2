"""The schema of an opened database: made where it is missing, brought up to date where it is old."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect

from aiops_flows.errors import SchemaMismatch

__all__ = ["REVISIONS", "VERSION_TABLE", "bring_up_to_date", "has_case_log", "upgrade"]

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
"""Every schema this library knows, oldest first; the last is its own."""

VERSION_TABLE: Final = "case_log_version"  # the log may share a database with MLflow and Prefect, which use alembic too
_ADVISORY_LOCK: Final = 0x61696F7073  # "aiops"


def bring_up_to_date(engine: Engine) -> None:
    """Make or migrate the tables, one process at a time.

    Raises:
        SchemaMismatch: the database was made by a newer version of this library.
    """
    if engine.dialect.name == "postgresql":
        _migrate_where_needed(engine)
        return
    path = Path(str(engine.url.database))
    if path.exists() and path.stat().st_size and _is_current_file(engine):
        return
    # Two processes that switch a new file to WAL at once may find it locked whatever time-out they gave.
    with FileLock(f"{path}.lock", mode=0o600):
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        _migrate_where_needed(engine)


def has_case_log(engine: Engine) -> bool:
    """Whether the database has the tables of a case log, of any version; nothing is made."""
    with engine.connect() as connection:
        return _stored_revision(connection) is not None


def _is_current_file(engine: Engine) -> bool:
    with engine.connect().execution_options(aiops_reading=True) as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        return mode == "wal" and _stored_revision(connection) == REVISIONS[-1]


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()


def _migrate_where_needed(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        stored = _stored_revision(connection)
        if stored == REVISIONS[-1]:
            return
        if stored is not None and stored not in REVISIONS:
            raise SchemaMismatch(
                f"the case log {engine.url.render_as_string(hide_password=True)} has schema {stored!r}, which this "
                f"version of aiops_flows does not know (it knows {', '.join(REVISIONS)}): a newer version made it. "
                "Install that version or a later one: pip install --upgrade aiops-flows"
            )
        upgrade(connection)


def upgrade(connection: Connection, to: str = REVISIONS[-1]) -> None:
    """Take the tables to a schema, by default this library's own."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
