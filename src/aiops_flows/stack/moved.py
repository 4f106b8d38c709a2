"""Prefect's records in a home folder that was copied or moved: deployments name inboxes by absolute paths."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from aiops_flows.private_files import private_folder, write_private

__all__ = ["PARAMETERS", "follow_move"]

PARAMETERS: Final = {
    "deployment": "parameters",
    "flow_run": "parameters",
}
"""Tables of Prefect's database whose JSON holds paths, and the column; of runs only those that are still to come."""
_MARK = "home-of-these-records"
_LOCK_SECONDS = 60
_TO_COME = " AND state_type IN ('SCHEDULED', 'PENDING', 'PAUSED')"


def follow_move(home: Path) -> bool:
    """Make the deployments of a copied home folder read its own inboxes; whether something had to be changed.

    Without this a worker of the copy would take files out of the inboxes of the original. Call it before Prefect's
    server opens its database. It compares the folder with the one that is noted beside the database.
    """
    place = private_folder(home / "prefect")
    now = str(home.resolve())
    try:
        before = (place / _MARK).read_text().strip()
    except OSError:
        before = now
    moved = before != now and (place / "prefect.db").is_file()
    if moved:
        _replace(place / "prefect.db", before, now)
    write_private(place / _MARK, f"{now}\n")
    return moved


def _replace(file: Path, before: str, now: str) -> None:
    old, new = (json.dumps(f"{path}/")[:-1] for path in (before, now))  # with the opening quote: only whole paths
    with closing(sqlite3.connect(file, timeout=_LOCK_SECONDS, isolation_level=None)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        database.execute("BEGIN IMMEDIATE")
        for table, column in PARAMETERS.items():
            if table in tables:
                to_come = _TO_COME if table == "flow_run" else ""
                database.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE instr({column}, ?) > 0{to_come}",  # noqa: S608  names of ours
                    (old, new, old),
                )
        database.execute("COMMIT")
