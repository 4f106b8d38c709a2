"""Versions on this machine, by digest: what scoring goes on with when MLflow is away."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aiops_flows.errors import RegistryError
from aiops_flows.private_files import close_to_others, private_folder
from aiops_flows.registry.files import read_model

__all__ = ["Cache"]

_FILES = "model"
_MANIFEST = "manifest"
_UNFINISHED = ".unfinished-"
_ABANDONED_SECONDS = 24 * 3600


class Cache:
    """A folder with one folder a version, named by its digest. It is never believed: each read checks every file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, digest: str) -> bytes | None:
        """The model file's content, or None where this version was never kept here.

        Raises:
            DigestMismatch: it is here, and is not what was registered.
        """
        kept = self.folder / digest
        return read_version(kept, digest) if kept.is_dir() else None

    @contextmanager
    def making_room(self) -> Iterator[Path]:
        """A new folder beside the versions; it is gone afterwards unless it was kept.

        Raises:
            RegistryError: the cache cannot be written.
        """
        try:
            private_folder(self.folder)
            place = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        except OSError as fault:
            raise RegistryError(f"the model cache {self.folder} cannot be written: {fault}; see AIOPS_HOME") from fault
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def keep(self, place: Path, digest: str) -> None:
        """Put a verified version in its place at one stroke; what is there already is replaced."""
        target = self.folder / digest
        if target.exists():
            with self.making_room() as rubbish, suppress(OSError):
                target.rename(rubbish / digest)
        close_to_others(place)
        with suppress(OSError):  # another process was faster: theirs was verified as well
            place.rename(target)

    def clear_unfinished(self) -> int:
        """Remove what processes that died left behind; how many folders that were."""
        oldest = time.time() - _ABANDONED_SECONDS
        left = [place for place in self.folder.glob(f"{_UNFINISHED}*") if place.stat().st_mtime < oldest]
        for place in left:
            shutil.rmtree(place, ignore_errors=True)
        return len(left)


def read_version(place: Path, digest: str) -> bytes:
    """The model file's content of a version in a folder, checked against its digest."""
    manifest = place / _MANIFEST
    recorded = manifest.read_text(errors="replace") if manifest.is_file() else ""
    return read_model(place / _FILES, digest, recorded)
