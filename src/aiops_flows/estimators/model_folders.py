"""Models of other makers in folders of this machine: where they are, and the digest of their files."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

__all__ = ["files_digest", "folder_of"]

Marks = tuple[tuple[str, int, int], ...]


def folder_of(directory: str) -> Path:
    """The folder; variables of the environment and ``~`` are filled in, so machines may keep it in different places."""
    return Path(os.path.expandvars(directory)).expanduser()


def files_digest(folder: Path) -> str:
    """The sha256 of the names and sha256s of a folder's files; computed again only where size or time has changed."""
    return _digest(folder, _marks(folder))


def _marks(folder: Path) -> Marks:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return tuple((str(path.relative_to(folder)), (at := path.stat()).st_size, at.st_mtime_ns) for path in files)


@lru_cache(maxsize=8)
def _digest(folder: Path, marks: Marks) -> str:
    total = hashlib.sha256()
    for name, _, _ in marks:
        with (folder / name).open("rb") as file:
            total.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())
    return total.hexdigest()
