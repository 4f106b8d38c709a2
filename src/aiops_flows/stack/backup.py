"""A home folder copied while it is in use, and put back elsewhere: everything in it, checked by its digests.

SQLite databases are copied by SQLite's own backup, each as one state. The witness files come first, so that they never
remember more than the copied record holds; model files come after MLflow's records, so that each version has its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiops_flows import __version__
from aiops_flows.case_log import CaseLog, audit
from aiops_flows.errors import CaseLogMissing, StackError
from aiops_flows.private_files import close_to_others, private_folder, write_private
from aiops_flows.progress import step
from aiops_flows.settings import Settings

__all__ = ["BackedUp", "Restored", "backup", "restore"]

_MANIFEST = "manifest.json"
_HOME = "home"
_FORMAT = 1
_PAGES = 2_000  # copied at a time; writers get their turn in between
_CHUNK = 1 << 20
_FILES_A_STEP = 500
_OF_A_PROCESS = {"stack.json", "stack.lock", "logs"}
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal", ".lock")
_UNFINISHED = ".unfinished-"
_SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds."""

    folder: str
    files: int
    size: int
    """Bytes."""
    elsewhere: list[str]
    """What is not in it, because it is in another database or on another server, and how to back that up."""


@dataclass(frozen=True)
class Restored:
    """What was put back."""

    home: str
    files: int
    covered: list[audit.Covered]
    """What the restored record holds, by use case."""
    findings: list[audit.Finding]
    broken: list[str]
    """Rules of the record that do not hold."""

    @property
    def holds(self) -> bool:
        """Whether the restored record is whole."""
        return not self.findings and not self.broken


def backup(settings: Settings, folder: Path) -> BackedUp:
    """Copy the home folder, while it may be in use, into a new folder that its owner alone can read.

    Raises:
        CaseLogMissing: there is no home folder.
        StackError: the folder exists and is not empty, is within the home folder, or cannot be written.
    """
    home, target = settings.home_folder, folder.expanduser().absolute()
    if not home.is_dir():
        raise CaseLogMissing(f"there is no home folder {home} to back up. Correct AIOPS_HOME")
    _require_empty(target)
    if target.resolve().is_relative_to(home.resolve()):
        raise StackError(f"the backup {target} would be within the home folder {home}; name a folder elsewhere")
    try:
        unfinished = _beside(target)
        try:
            marks = _copied(home, private_folder(unfinished / _HOME))
            step("writing the manifest")
            write_private(unfinished / _MANIFEST, json.dumps(_manifest(home, marks), indent=1, sort_keys=True))
            _put(unfinished, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as fault:
        raise StackError(f"the backup {target} cannot be written: {fault.strerror}") from fault
    size = sum(mark["bytes"] for mark in marks.values())
    return BackedUp(str(target), len(marks), size, [*_elsewhere(settings), *_links(home)])


def restore(settings: Settings, folder: Path) -> Restored:
    """Put a backup into the home folder, which must be missing or empty, and verify the record in it.

    Raises:
        StackError: the backup is not whole, or the home folder is in use.
    """
    source, home = folder.expanduser().absolute(), settings.home_folder
    _require_empty(home)
    marks = _read_manifest(source)
    try:
        unfinished = _beside(home)
        try:
            for number, (name, mark) in enumerate(marks.items()):
                if not number % _FILES_A_STEP:
                    step("%d of %d files copied", number, len(marks))
                target = unfinished / name
                private_folder(target.parent)
                shutil.copyfile(source / _HOME / name, target)
                if _digest(target) != mark["sha256"]:
                    raise StackError(f"{name} in the backup {source} is not what was backed up: nothing is restored")
            close_to_others(unfinished)
            _put(unfinished, home)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as fault:
        raise StackError(f"the backup {source} cannot be restored into {home}: {fault.strerror}") from fault
    return _verified(home, len(marks))


def _verified(home: Path, files: int) -> Restored:
    """Verify the record of a restored home folder."""
    file = home / "case_log.db"
    if not file.is_file():
        return Restored(str(home), files, [], [], [])
    step("verifying the audit trail")
    with CaseLog.open(f"sqlite:///{file}") as log:
        return Restored(str(home), files, audit.coverage(log), audit.verify(log), audit.check_invariants(log))


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StackError(f"{folder} exists and is not empty; name a new folder")


def _beside(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{target.name}-", dir=target.parent))


def _put(unfinished: Path, target: Path) -> None:
    """Put a finished folder in its place at one stroke."""
    if target.exists():
        target.rmdir()
    unfinished.rename(target)


def _copied(home: Path, target: Path) -> dict[str, dict[str, Any]]:
    """Copy everything of a home folder that another process could use; digest and size of each file, by its path."""
    files = sorted(_files(home), key=lambda path: (_rank(path), path))
    marks: dict[str, dict[str, Any]] = {}
    for number, path in enumerate(files):
        name = path.relative_to(home).as_posix()
        if not number % _FILES_A_STEP or _is_sqlite(path):
            step("%d of %d files copied", number, len(files))
        copy = target / name
        private_folder(copy.parent)
        try:
            _copy(path, copy)
        except FileNotFoundError:  # an inbox was emptied meanwhile: its cases are in the case log, or come again
            continue
        marks[name] = {"sha256": _digest(copy), "bytes": copy.stat().st_size}
    close_to_others(target)
    return marks


def _files(home: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(home):
        left_out = _OF_A_PROCESS if Path(place) == home else set()
        folders[:] = [name for name in folders if name not in left_out and not name.startswith(_UNFINISHED)]
        for name in sorted({*names} - left_out):
            path = Path(place, name)
            if not name.endswith(_BESIDE_A_DATABASE) and path.is_file() and not path.is_symlink():
                yield path


def _rank(path: Path) -> int:
    """Witness files first, then databases, then what databases point at."""
    if path.suffix == ".witness":
        return 0
    return 1 if _is_sqlite(path) else 2


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _copy(path: Path, copy: Path) -> None:
    if not _is_sqlite(path):
        shutil.copyfile(path, copy)
        return
    write_private(copy, "")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target, pages=_PAGES)


def _digest(path: Path) -> str:
    running = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            running.update(chunk)
    return running.hexdigest()


def _manifest(home: Path, marks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "aiops_flows": __version__,
        "home": str(home),
        "files": marks,
    }


def _read_manifest(source: Path) -> dict[str, dict[str, Any]]:
    """The files of a backup, each of which is there and nothing else.

    Raises:
        StackError: it is not a backup, or a file is missing or was added.
    """
    try:
        manifest = json.loads((source / _MANIFEST).read_text())
        marks: dict[str, dict[str, Any]] = dict(manifest["files"])
        known = manifest["format"] == _FORMAT
    except (OSError, ValueError, TypeError, KeyError):
        raise StackError(
            f"{source} is not a backup: expected a folder with {_MANIFEST}, made by aiops-flows backup"
        ) from None
    if not known:
        raise StackError(f"the backup {source} was made by another version of aiops_flows: {manifest['aiops_flows']}")
    present = {path.relative_to(source / _HOME).as_posix() for path in (source / _HOME).rglob("*") if path.is_file()}
    if differing := sorted(present ^ marks.keys()):
        raise StackError(f"the backup {source} is not whole: {differing[0]} is missing or was added")
    return marks


def _elsewhere(settings: Settings) -> list[str]:
    """What a home folder does not hold, and how it is backed up."""
    urls = {"the case log": settings.database_url, "MLflow's records": settings.mlflow_url}
    ways = {what: _how(url, settings.home_folder) for what, url in urls.items() if url}
    return [f"{what}: {way}" for what, way in ways.items() if way]


def _links(home: Path) -> list[str]:
    """Links within a home folder, which are not followed."""
    links = [Path(place, name) for place, folders, names in os.walk(home) for name in (*folders, *names)]
    return [f"{link}: a link, copy {link.resolve()} yourself" for link in links if link.is_symlink()]


def _how(url: str, home: Path) -> str:
    """How the database at a URL is backed up; nothing where it is in the home folder."""
    address = urlsplit(url)
    if address.scheme.startswith("postgres"):
        port = f" --port={address.port}" if address.port else ""
        login = f" --username={address.username}" if address.username else ""
        return f"pg_dump --format=custom --host={address.hostname}{port}{login} --file=FILE {address.path.strip('/')}"
    if address.scheme.startswith("sqlite"):
        file = Path(url.split("///", 1)[-1])
        return "" if file.is_relative_to(home) else f'sqlite3 {file} ".backup FILE"'
    if address.hostname in {"127.0.0.1", "localhost"} and (home / "mlflow.db").is_file():
        return ""  # the server that `aiops-flows up` starts keeps them in the home folder
    return f"where the server {address.hostname} keeps them"
