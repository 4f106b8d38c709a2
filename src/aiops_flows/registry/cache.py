"""Versions on this machine, by digest: what scoring goes on with when MLflow is away."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
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


def in_background(work: Callable[[], bytes]) -> Future[bytes]:
    """The result of some work, once a thread of its own has it; the process does not wait for it at its end."""
    future: Future[bytes] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as fault:  # noqa: BLE001  it is raised where the result is asked for
            future.set_exception(fault)

    threading.Thread(target=run, name="aiops-flows-fetch", daemon=True).start()
    return future


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, as far as they can be seen now."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            size += path.stat().st_size
    return size


def read_version(place: Path, digest: str) -> bytes:
    """The model file's content of a version in a folder, checked against its digest."""
    manifest = place / _MANIFEST
    recorded = manifest.read_text(errors="replace") if manifest.is_file() else ""
    return read_model(place / _FILES, digest, recorded)
