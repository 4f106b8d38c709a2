"""A store that was copied or moved: MLflow's records name files by absolute paths, which are made those of its home."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiops_flows.registry.records import OWNER_TAG

__all__ = ["follow_move"]

_LOCK_SECONDS = 60
_OURS = """
    SELECT e.artifact_location, e.name FROM experiments AS e JOIN experiment_tags AS t
        ON t.experiment_id = e.experiment_id AND t.key = ? AND e.artifact_location LIKE 'file:%'"""
_PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "model_versions": "source",
    "logged_models": "artifact_location",
}
_ALSO = {"model_versions": "storage_location"}


def follow_move(store: Path, root: str) -> list[str]:
    """Make a store in SQLite name the files beside it; the roots that it named instead.

    Without this a copied home folder would read the files of the original, and write into them. A root that is the
    same folder under another path is left alone.

    Args:
        store: the database file; one that is missing or has no tables yet is left alone.
        root: the folder of artifacts beside it, as a ``file:`` URI.
    """
    if not store.exists() or not store.stat().st_size:
        return []
    with closing(sqlite3.connect(store, timeout=_LOCK_SECONDS, isolation_level=None)) as database:
        try:
            rows = database.execute(_OURS, (OWNER_TAG,)).fetchall()
        except sqlite3.OperationalError as fault:
            if "no such table" in str(fault):
                return []
            raise
        named = {location.removesuffix(f"/{name}") for location, name in rows if location.endswith(f"/{name}")}
        old = sorted(each for each in named if each != root and not _is_same(each, root))
        if old:
            database.execute("BEGIN IMMEDIATE")
            for each in old:
                _replace(database, each, root)
            database.execute("COMMIT")
    return old


def _replace(database: sqlite3.Connection, old: str, new: str) -> None:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, column in [*_PLACES.items(), *_ALSO.items()]:
        if table in tables:
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608  names of ours
                (new, len(old) + 1, len(old) + 1, f"{old}/"),
            )


def _is_same(old: str, new: str) -> bool:
    """Whether two URIs lead to one folder, such as through a link."""
    try:
        return _path(old).samefile(_path(new))
    except OSError:
        return False


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
