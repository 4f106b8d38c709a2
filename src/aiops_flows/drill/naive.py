"""The control: a worker as it is often written, in three commits, without keys or leases. A drill must catch it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

__all__ = ["NaiveCounts", "NaiveDatabase", "control_url", "naive_count", "naive_work", "prepare"]

_TABLES = ("messages", "predictions", "decisions", "audit")
_AT_ONCE = 20
_MESSAGES = 5_000


class NaiveCounts(NamedTuple):
    """What became of the control's cases."""

    decisions: int
    doubled: int
    without_audit: int


class NaiveDatabase:
    """A connection to SQLite or PostgreSQL, spoken to in one way."""

    def __init__(self, url: str) -> None:
        self._sqlite = url.startswith("sqlite")
        self.connection: Any
        if self._sqlite:
            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)
            self.connection.execute("PRAGMA journal_mode=WAL")
        else:
            self.connection = psycopg.connect("postgresql://" + url.split("://", 1)[1])

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, in whatever transaction is open."""
        cursor = self.connection.execute(statement.replace("?", "?" if self._sqlite else "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    def write(self, statement: str, *values: object) -> None:
        """A statement in a transaction of its own."""
        self.run(statement, *values)
        self.connection.commit()


def control_url(url: str, folder: Path) -> str:
    """Where a control keeps its tables: beside the case log, or in a file of its own."""
    return f"sqlite:///{folder / 'control.db'}" if url.startswith("sqlite") else url


def prepare(url: str, workers: int, messages: int = _MESSAGES) -> None:
    """Make the control's tables anew, with messages that wait for so many workers."""
    database = NaiveDatabase(url)
    for table in _TABLES:
        database.write(f"DROP TABLE IF EXISTS drill_naive_{table}")
        done = ", done INTEGER DEFAULT 0" if table == "messages" else ""
        database.write(f"CREATE TABLE drill_naive_{table} (case_id TEXT, worker INTEGER{done})")
    for number in range(messages):
        database.run("INSERT INTO drill_naive_messages (case_id, worker) VALUES (?, ?)", str(number), number % workers)
    database.connection.commit()
    database.connection.close()


def naive_work(url: str, worker: int, over: Path) -> None:
    """Predict, decide, and write the audit row, each in its own transaction; what is not marked done comes again."""
    database = NaiveDatabase(url)
    waiting = "SELECT case_id FROM drill_naive_messages WHERE done = 0 AND worker = ? ORDER BY case_id LIMIT ?"
    rows: list[tuple[Any, ...]] = [()]
    while rows:
        rows = database.run(waiting, worker, _AT_ONCE)
        database.connection.commit()
        for (case_id,) in rows:
            if over.exists():
                return
            database.write("INSERT INTO drill_naive_predictions VALUES (?, ?)", case_id, worker)
            database.write("INSERT INTO drill_naive_decisions VALUES (?, ?)", case_id, worker)
            database.run("INSERT INTO drill_naive_audit VALUES (?, ?)", case_id, worker)
            database.write("UPDATE drill_naive_messages SET done = 1 WHERE case_id = ?", case_id)


def naive_count(url: str) -> NaiveCounts:
    """Decisions too many, and decisions too many for the audit rows there are."""
    database = NaiveDatabase(url)
    found = database.run("SELECT count(*), count(DISTINCT case_id) FROM drill_naive_decisions")[0]
    audited = database.run("SELECT count(*) FROM drill_naive_audit")[0][0]
    database.connection.close()
    return NaiveCounts(found[0], found[0] - found[1], max(0, found[0] - audited))
