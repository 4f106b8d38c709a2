"""The control: a worker as it is often written, in three commits, without keys or leases. A drill must catch it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

__all__ = ["NaiveCounts", "naive_count", "naive_produce", "naive_work", "prepare"]

_TABLES = ("messages", "predictions", "decisions", "audit")
_AT_ONCE = 20


class NaiveCounts(NamedTuple):
    """What became of the control's cases."""

    stored: int
    doubled: int
    without_audit: int


class _Database:
    """A connection to SQLite or PostgreSQL, spoken to in one way."""

    def __init__(self, url: str) -> None:
        self._sqlite = url.startswith("sqlite")
        self.connection: Any
        if self._sqlite:
            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)
        else:
            self.connection = psycopg.connect("postgresql://" + url.split("://", 1)[1])

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(statement.replace("?", "?" if self._sqlite else "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    def write(self, statement: str, *values: object) -> None:
        """A statement in a transaction of its own."""
        self.run(statement, *values)
        self.connection.commit()


def prepare(url: str) -> None:
    """Make the control's tables anew."""
    database = _Database(url)
    for table in _TABLES:
        database.write(f"DROP TABLE IF EXISTS drill_naive_{table}")
        done = ", done INTEGER DEFAULT 0" if table == "messages" else ""
        database.write(f"CREATE TABLE drill_naive_{table} (case_id TEXT, worker INTEGER{done})")
    database.connection.close()


def naive_produce(url: str, producer: int, workers: int, enough: Path) -> None:
    """Send cases until it is enough."""
    database, number = _Database(url), 0
    begun = time.time_ns()
    while not enough.exists():
        case_id = f"{producer}-{begun}-{number}"
        database.write("INSERT INTO drill_naive_messages (case_id, worker) VALUES (?, ?)", case_id, number % workers)
        number += 1


def naive_work(url: str, worker: int, over: Path) -> None:
    """Predict, decide, and write the audit row, each in a transaction of its own; what is not marked done comes again."""
    database = _Database(url)
    waiting = "SELECT case_id FROM drill_naive_messages WHERE done = 0 AND worker = ? ORDER BY case_id LIMIT ?"
    while True:
        rows = database.run(waiting, worker, _AT_ONCE)
        database.connection.commit()
        if not rows and over.exists():
            return
        for (case_id,) in rows:
            database.write("INSERT INTO drill_naive_predictions VALUES (?, ?)", case_id, worker)
            database.write("INSERT INTO drill_naive_decisions VALUES (?, ?)", case_id, worker)
            database.run("INSERT INTO drill_naive_audit VALUES (?, ?)", case_id, worker)
            database.write("UPDATE drill_naive_messages SET done = 1 WHERE case_id = ?", case_id)


def naive_count(url: str) -> NaiveCounts:
    """Decisions too many, and decisions too many for the audit rows there are."""
    database = _Database(url)
    counts = [database.run(f"SELECT count(*), count(DISTINCT case_id) FROM drill_naive_{table}")[0] for table in _TABLES]  # noqa: S608
    database.connection.close()
    messages, _, decisions, audited = counts
    return NaiveCounts(messages[0], decisions[0] - decisions[1], max(0, decisions[0] - audited[0]))
