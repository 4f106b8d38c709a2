"""A version whose files are not, to the bit, what was registered is never loaded, and nothing in them ever runs."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiops_flows.errors import DigestMismatch, UntrustedModel
from aiops_flows.registry import Registered, Registry
from aiops_flows.registry.files import MODEL_FILE, digest_of, fingerprints, manifest_of


class Trap:
    """What runs code when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.witness),)


def flip_one_bit(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= 1 << (place % 8)
    file.write_bytes(bytes(content))


def kept_files(folder: Path, made: Registered) -> list[Path]:
    return sorted(path for path in (folder / made.digest / "model").rglob("*") if path.is_file())


def stored_files(registry: Registry, made: Registered) -> Path:
    """The folder in which MLflow keeps the files of the version."""
    root = Path(registry.url.removeprefix("sqlite:///")).parent / "mlflow-artifacts"
    (run,) = root.glob(f"*/{made.run_id}")
    return run / "artifacts" / "model"


@pytest.fixture
def made(local: Registry, example: Any) -> Registered:
    made: Registered = example.register(local)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def offline(cache: Path) -> Registry:
    """The same cache in another process, so to say, with MLflow away."""
    return Registry("http://127.0.0.1:9", cache)


def test_the_untouched_cache_is_loaded(offline: Registry, made: Registered, example: Any) -> None:
    """The control: without a change the same files are loaded."""
    assert offline.load(example.model, made.version, made.digest)


def test_one_flipped_bit_in_any_file_is_refused(cache: Path, offline: Registry, made: Registered, example: Any) -> None:
    """Each file of the version, twelve places in each: every one of these changes is refused."""
    chance = np.random.default_rng(0)
    files = kept_files(cache, made)
    assert {file.name for file in files} == {"MLmodel", MODEL_FILE, "requirements.txt", "python_env.yaml"}
    for file in files:
        for place in chance.integers(0, file.stat().st_size, 12).tolist():
            flip_one_bit(file, place)
            with pytest.raises(DigestMismatch, match=rf"{file.name} changed"):
                offline.load(example.model, made.version, made.digest)
            flip_one_bit(file, place)
    assert offline.load(example.model, made.version, made.digest)


def test_an_added_file_is_refused(cache: Path, offline: Registry, made: Registered, example: Any) -> None:
    """A file that was put beside the registered ones counts as a change."""
    (cache / made.digest / "model" / "code").mkdir()
    (cache / made.digest / "model" / "code" / "extra.py").write_text("print('hello')")
    with pytest.raises(DigestMismatch, match=r"code/extra.py was added"):
        offline.load(example.model, made.version, made.digest)


def test_a_missing_file_is_refused(cache: Path, offline: Registry, made: Registered, example: Any) -> None:
    """A file that is gone counts as a change."""
    (cache / made.digest / "model" / "requirements.txt").unlink()
    with pytest.raises(DigestMismatch, match=r"requirements.txt is missing"):
        offline.load(example.model, made.version, made.digest)


def test_a_link_in_place_of_a_file_is_refused(
    cache: Path, offline: Registry, made: Registered, example: Any, tmp_path: Path
) -> None:
    """A link can change what it leads to after the check, so it is no file of a version."""
    model = cache / made.digest / "model" / MODEL_FILE
    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DigestMismatch):
        offline.load(example.model, made.version, made.digest)


def test_what_mlflow_adds_itself_is_no_change(cache: Path, offline: Registry, made: Registered, example: Any) -> None:
    """MLflow's own downloads write `registered_model_meta` beside a version; it is not counted."""
    (cache / made.digest / "model" / "registered_model_meta").write_text("model_name: claims")
    assert offline.load(example.model, made.version, made.digest)


def test_a_corrupted_cache_is_mended_from_mlflow(
    cache: Path, local: Registry, offline: Registry, made: Registered, example: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """With MLflow there, a refused copy is fetched again, once, and verified; the cache is whole afterwards."""
    flip_one_bit(cache / made.digest / "model" / MODEL_FILE, 1_000)
    assert local.load(example.model, made.version, made.digest)
    assert f"{MODEL_FILE} changed" in caplog.text
    assert offline.load(example.model, made.version, made.digest)


def test_what_was_registered_here_is_checked_as_well(
    cache: Path, local: Registry, made: Registered, example: Any
) -> None:
    """The registry that registered a version reads its files before the first use: no change is passed over."""
    flip_one_bit(cache / made.digest / "model" / "MLmodel", 10)
    flip_one_bit(stored_files(local, made) / "MLmodel", 10)
    with pytest.raises(DigestMismatch, match="MLmodel changed"):
        local.load(example.model, made.version, made.digest)
    other = example.register(local)
    flip_one_bit(cache / other.digest / "model" / "MLmodel", 10)
    assert local.load(example.model, other.version, other.digest), "mended from MLflow, where nothing was changed"


def test_changed_files_in_mlflow_are_refused(cache: Path, local: Registry, made: Registered, example: Any) -> None:
    """Who can write to MLflow's files cannot make another model champion: the digest is in the case log."""
    shutil.rmtree(cache)
    flip_one_bit(stored_files(local, made) / MODEL_FILE, 1_000)
    with pytest.raises(DigestMismatch, match=f"{MODEL_FILE} changed"):
        local.load(example.model, made.version, made.digest)
    assert not (cache / made.digest).exists()


def test_a_file_added_in_mlflow_is_refused(cache: Path, local: Registry, made: Registered, example: Any) -> None:
    """MLflow lets files be added to a version after its registration; then it is no longer that version."""
    shutil.rmtree(cache)
    (stored_files(local, made) / "python_model.pkl").write_bytes(b"")
    with pytest.raises(DigestMismatch, match=r"python_model.pkl was added"):
        local.load(example.model, made.version, made.digest)


def test_deleted_files_are_told_as_such(cache: Path, local: Registry, made: Registered, example: Any) -> None:
    """When MLflow's clean-up took the files of a version, the error says so."""
    shutil.rmtree(cache)
    shutil.rmtree(stored_files(local, made))
    with pytest.raises(DigestMismatch, match="not its files"):
        local.load(example.model, made.version, made.digest)


def test_another_versions_files_are_refused(cache: Path, local: Registry, made: Registered, example: Any) -> None:
    """The files of one version in the place of another are a change, though each of them is genuine."""
    other = example.register(local)
    shutil.rmtree(cache / made.digest)
    (cache / other.digest).rename(cache / made.digest)
    with pytest.raises(DigestMismatch):
        Registry("http://127.0.0.1:9", cache).load(example.model, made.version, made.digest)


def test_a_planted_pickle_never_runs(
    cache: Path, offline: Registry, made: Registered, example: Any, tmp_path: Path
) -> None:
    """A pickle in the place of the model is refused, even by one who could forge the digest as well."""
    witness = tmp_path / "it ran"
    planted = pickle.dumps(Trap(witness))
    place = cache / made.digest
    (place / "model" / MODEL_FILE).write_bytes(planted)
    (place / "model" / "model.pkl").write_bytes(planted)
    with pytest.raises(DigestMismatch):
        offline.load(example.model, made.version, made.digest)
    forged = digest_of(manifest_of(fingerprints(place / "model")))
    place.rename(cache / forged)
    with pytest.raises(UntrustedModel, match="not in skops' format"):
        offline.load(example.model, made.version, forged)
    assert not witness.exists()
    pickle.loads(planted)
    assert witness.exists(), "the control: this pickle does run when it is opened"


def test_a_name_cannot_lead_out_of_the_cache(offline: Registry) -> None:
    """Only 64 hexadecimal digits are a digest."""
    for digest in ("../../etc", "", "A" * 64, "0" * 63):
        with pytest.raises(DigestMismatch, match="no digest"):
            offline.load("claims", 1, digest)
