"""The digest of a version changes with every change of its files, and with nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aiops_flows.errors import DigestMismatch
from aiops_flows.registry.files import MODEL_FILE, digest_of, fingerprints, is_digest, manifest_of, read_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / MODEL_FILE).write_bytes(b"model")
    (tmp_path / "MLmodel").write_bytes(b"flavors: {}")
    (tmp_path / "data" / "labels.json").write_bytes(b"[]")
    return tmp_path


def manifest(folder: Path) -> str:
    return manifest_of(fingerprints(folder))


def test_a_manifest_is_what_sha256sum_writes(folder: Path) -> None:
    """One line a file, sorted by path: a person can check a version with the tools of the system."""
    lines = manifest(folder).splitlines()
    assert [line.split("  ")[1] for line in lines] == ["MLmodel", "data/labels.json", MODEL_FILE]
    assert lines[2] == f"{hashlib.sha256(b'model').hexdigest()}  {MODEL_FILE}"


def test_the_model_is_read_when_every_file_is_right(folder: Path) -> None:
    """With the right digest the content of the model file is given."""
    assert read_model(folder, digest_of(manifest(folder))) == b"model"


def test_any_change_changes_the_digest(folder: Path) -> None:
    """A changed, an added, a renamed and a removed file each give another digest."""
    seen = {digest_of(manifest(folder))}
    (folder / "data" / "labels.json").write_bytes(b"[0]")
    seen.add(digest_of(manifest(folder)))
    (folder / "data" / "labels.json").rename(folder / "labels.json")
    seen.add(digest_of(manifest(folder)))
    (folder / "more").write_bytes(b"")
    seen.add(digest_of(manifest(folder)))
    (folder / "MLmodel").unlink()
    seen.add(digest_of(manifest(folder)))
    assert len(seen) == 5


def test_the_error_names_the_files_that_differ(folder: Path) -> None:
    """Changed, missing and added files are told apart when the manifest is at hand."""
    recorded = manifest(folder)
    (folder / MODEL_FILE).write_bytes(b"other")
    (folder / "MLmodel").unlink()
    (folder / "new").write_bytes(b"")
    with pytest.raises(DigestMismatch, match=r"model.skops changed, MLmodel is missing, new was added"):
        read_model(folder, digest_of(recorded), recorded)


def test_a_manifest_that_was_changed_too_is_not_believed(folder: Path) -> None:
    """A manifest made to fit changed files does not have the digest that was promoted."""
    digest = digest_of(manifest(folder))
    (folder / MODEL_FILE).write_bytes(b"other")
    with pytest.raises(DigestMismatch, match="found 3 files"):
        read_model(folder, digest, manifest(folder))


def test_a_version_without_a_model_is_refused(folder: Path) -> None:
    """Even when the digest fits, there must be a model."""
    (folder / MODEL_FILE).unlink()
    with pytest.raises(DigestMismatch):
        read_model(folder, digest_of(manifest(folder)))


def test_only_64_hexadecimal_digits_are_a_digest() -> None:
    """What is no digest never becomes the name of a folder."""
    assert is_digest("0a" * 32)
    assert not any(map(is_digest, ["", "0a" * 31, "0A" * 32, "../" + "a" * 61, "a" * 65]))
