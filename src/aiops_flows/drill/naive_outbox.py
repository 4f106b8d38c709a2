"""Two controls: outboxes as they are often written. One marks before it sends, one asks for what is after the last."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

from aiops_flows.drill.naive import NaiveDatabase
from aiops_flows.errors import NotDelivered

if TYPE_CHECKING:
    from aiops_flows.drill.flaky_sink import FlakySink

__all__ = ["lost_by_marking", "prepare_marking", "send_after_marking", "skipped_by_asking_after_the_last"]

_WRITERS = 4
_ROWS_EACH = 150
_TRIES = 2


def prepare_marking(url: str, messages: int) -> None:
    """Make the control's table anew, with so many messages that wait."""
    database = NaiveDatabase(url)
    database.write("DROP TABLE IF EXISTS drill_naive_outbox")
    database.write("CREATE TABLE drill_naive_outbox (id TEXT, sent INTEGER)")
    for number in range(messages):
        database.run("INSERT INTO drill_naive_outbox VALUES (?, 0)", f"n{number}")
    database.connection.commit()
    database.connection.close()


def send_after_marking(url: str, worker: int, workers: int, sink: FlakySink) -> None:
    """Mark a message as sent, and send it, twice at most; whoever dies between has sent nothing."""
    database = NaiveDatabase(url)
    waiting = [str(row[0]) for row in database.run("SELECT id FROM drill_naive_outbox WHERE sent = 0 ORDER BY id")]
    database.connection.commit()
    for name in waiting[worker::workers]:
        database.write("UPDATE drill_naive_outbox SET sent = 1 WHERE id = ?", name)
        for _ in range(_TRIES):
            try:
                sink.send(name, b"")
            except NotDelivered:
                continue
            break


def lost_by_marking(url: str, received: set[str]) -> int:
    """How many messages are marked as sent and never arrived."""
    database = NaiveDatabase(url)
    marked = {str(row[0]) for row in database.run("SELECT id FROM drill_naive_outbox WHERE sent = 1")}
    database.connection.close()
    return len(marked - received)


def skipped_by_asking_after_the_last(url: str, seed: int) -> int | None:
    """How many messages are skipped where one asks for numbers above the last one seen; None on SQLite.

    A number is given before its transaction commits, so a later one may be seen first. SQLite lets only one write.
    """
    if url.startswith("sqlite"):
        return None
    address = "postgresql://" + url.split("://", 1)[1]
    with psycopg.connect(address, autocommit=True) as made:
        made.execute(b"DROP TABLE IF EXISTS drill_naive_outbox_numbers")
        made.execute(b"CREATE TABLE drill_naive_outbox_numbers (seq BIGSERIAL)")
    over = threading.Event()
    seen: set[int] = set()
    reader = threading.Thread(target=_ask_after_the_last, args=(address, over, seen))
    writers = [threading.Thread(target=_write, args=(address, seed + number)) for number in range(_WRITERS)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    return _WRITERS * _ROWS_EACH - len(seen)


def _write(address: str, seed: int) -> None:
    luck = random.Random(seed)  # noqa: S311  not for secrets
    with psycopg.connect(address) as connection:
        for _ in range(_ROWS_EACH):
            connection.execute(b"INSERT INTO drill_naive_outbox_numbers DEFAULT VALUES")
            time.sleep(luck.uniform(0.0, 0.004))
            connection.commit()


def _ask_after_the_last(address: str, over: threading.Event, seen: set[int]) -> None:
    last = 0
    with psycopg.connect(address, autocommit=True) as connection:
        while True:
            ended = over.is_set()  # asked before reading: what was written until then is read once more
            rows: list[Any] = connection.execute(
                b"SELECT seq FROM drill_naive_outbox_numbers WHERE seq > %s ORDER BY seq", (last,)
            ).fetchall()
            seen.update(row[0] for row in rows)
            last = max([last, *(row[0] for row in rows)])
            if ended:
                return
            time.sleep(0.001)
