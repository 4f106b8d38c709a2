"""The files of one version: what each of them must be, to the bit, and the one digest that says so."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiops_flows.errors import DigestMismatch

__all__ = ["MODEL_FILE", "digest_of", "fingerprints", "is_digest", "manifest_of", "read_model"]

MODEL_FILE = "model.skops"
_ADDED_BY_MLFLOW = "registered_model_meta"  # written beside the model by MLflow's own downloads
_CHUNK = 1 << 20
_DIGITS = 64
_LISTED = 10


def fingerprints(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a version, by its path in the folder; what is no plain file is listed as such."""
    return {name: _fingerprint(path) for name, path in _entries(folder)}


def manifest_of(marks: Mapping[str, str]) -> str:
    """One line a file, sorted by path, as ``sha256sum`` writes them."""
    return "".join(f"{marks[name]}  {name}\n" for name in sorted(marks))


def digest_of(manifest: str) -> str:
    """The digest of a version: the sha256 of its manifest."""
    return hashlib.sha256(manifest.encode()).hexdigest()


def is_digest(text: str) -> bool:
    """Whether a text can be a digest at all, so that it is safe as the name of a folder."""
    return len(text) == _DIGITS and not set(text) - set("0123456789abcdef")


def read_model(folder: Path, digest: str, manifest: str = "") -> bytes:
    """The content of the model file, read once and given only if every file of the version is what was registered.

    ``manifest`` is what was recorded beside the version; it only serves to name the file that differs.

    Raises:
        DigestMismatch: a file was changed, removed or added.
    """
    marks = fingerprints(folder)
    content = b""
    if is_digest(marks.get(MODEL_FILE, "")):
        content = (folder / MODEL_FILE).read_bytes()
        marks[MODEL_FILE] = hashlib.sha256(content).hexdigest()  # of the bytes that are used, not of an earlier look
    found = digest_of(manifest_of(marks))
    if found != digest or not content:
        raise DigestMismatch(
            f"the files in {folder} have the digest {found[:12]}…, registered was {digest[:12]}…: "
            f"{_differences(marks, manifest, digest)}. They are not loaded"
        )
    return content


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in (*names, *links):
            path = Path(place, name)
            entry = path.relative_to(folder).as_posix()
            if entry != _ADDED_BY_MLFLOW:
                yield entry, path


def _fingerprint(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "not a plain file"
    running = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            running.update(chunk)
    return running.hexdigest()


def _differences(marks: Mapping[str, str], manifest: str, digest: str) -> str:
    """Which files differ, where the manifest is at hand and is the right one."""
    if digest_of(manifest) != digest:
        return f"found {len(marks)} files: {', '.join(sorted(marks)[:_LISTED]) or 'none'}"
    expected = {name: mark for mark, name in (line.split("  ", 1) for line in manifest.splitlines())}
    changed = sorted(f"{name} changed" for name in marks.keys() & expected.keys() if marks[name] != expected[name])
    missing = sorted(f"{name} is missing" for name in expected.keys() - marks.keys())
    added = sorted(f"{name} was added" for name in marks.keys() - expected.keys())
    return ", ".join([*changed, *missing, *added][:_LISTED])
