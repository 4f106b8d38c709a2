"""Reports and verdicts, attached to the run of the version they are about."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from aiops_flows.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["attach", "read", "read_one"]

_OF_THE_VERSION = frozenset({"model", "manifest", "figures"})  # written once, when it is registered
_READ_APART = frozenset({"unlearned"})  # large, and asked for by name


def attach(client: MlflowClient, run_id: str, files: Mapping[str, bytes | Path], tags: Mapping[str, str]) -> None:
    """Add files to a run, then tags, so that a tag speaks only of what is there.

    Raises:
        RegistryError: a name leads out of the run's folder, or to what was registered.
    """
    from mlflow.entities import RunTag

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            target = Path(folder, _refuse_elsewhere(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        client.log_artifacts(run_id, folder)
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def read(client: MlflowClient, run_id: str) -> dict[str, bytes]:
    """What was attached to a run, under the names it was given; empty where there is nothing."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    kept: Any = get_artifact_repository(client.get_run(run_id).info.artifact_uri, tracking_uri=client.tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        for entry in kept.list_artifacts():
            if entry.path not in _OF_THE_VERSION | _READ_APART:
                kept.download_artifacts(entry.path, folder)  # the client's own way asks the database four times a file
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def read_one(client: MlflowClient, run_id: str, name: str) -> bytes:
    """One file that was attached to a run.

    Raises:
        RegistryError: nothing is attached under that name.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    kept: Any = get_artifact_repository(client.get_run(run_id).info.artifact_uri, tracking_uri=client.tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        kept.download_artifacts(name, folder)
        if not (file := Path(folder, name)).is_file():
            raise RegistryError(f"run {run_id} has no {name}")
        return file.read_bytes()


def _refuse_elsewhere(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts or path.parts[0] in _OF_THE_VERSION:
        raise RegistryError(
            f"evidence {name!r}: expected a path such as evidence/report.html, outside the model's files"
        )
    return path
