"""Files and folders that only their owner can read, whatever the umask of the process: they hold customers' data."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["close_to_others", "private_file", "private_folder", "write_private"]

_FOLDER = 0o700
_FILE = 0o600


def private_folder(path: Path) -> Path:
    """The folder, made where it is missing; one that exists stays as it is."""
    path.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """The file, made empty where it is missing; one that exists stays as it is."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, _FILE))
    return path


def write_private(path: Path, content: bytes | str) -> Path:
    """The file with this content alone; one that exists is closed to others as well."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
    with os.fdopen(file, "wb") as stream:
        os.fchmod(file, _FILE)
        stream.write(content.encode() if isinstance(content, str) else content)
    return path


def close_to_others(folder: Path) -> None:
    """Take the rights of group and others from a folder and all in it, such as one that a library has written."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(_FOLDER)
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(_FILE)
