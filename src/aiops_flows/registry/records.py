"""What is written to MLflow of a version, and read from it; always by run id, never through MLflow's global state."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiops_flows.errors import DigestMismatch, RegistryError
from aiops_flows.registry.prompts import PROMPT_TAGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

__all__ = ["OPEN_TAG", "OWNER_TAG", "Facts", "fetch", "project", "store"]

OWNER_TAG = "aiops_flows.owner"
OPEN_TAG = "aiops_flows.registering"
USE_CASE_TAG = "use_case"

_BATCH = 100  # MLflow's limit of params and of tags in one call
_LONGEST_PARAM = 1_000
_LONGEST_DATASET_DIGEST = 36  # MLflow's column; the whole digest is a tag


@dataclass(frozen=True)
class Facts:
    """What is known of the training of a version."""

    model: str
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    figures: Mapping[str, Figure | bytes]
    dataset_digest: str
    code_version: str


def store(client: MlflowClient, artifact_root: str | None, facts: Facts, place: Path, digest: str) -> tuple[int, str]:
    """Write a run with everything about the version, then the version itself; its number, and the run's id.

    The version comes last: whoever sees it finds all of it, and a process that dies before leaves no half of one.
    """
    new_name = _is_new_name(client, facts)
    run_id = _open_run(client, _experiment(client, artifact_root, facts.model), facts, digest)
    _log_facts(client, run_id, facts)
    for name, figure in facts.figures.items():
        client.log_artifact(run_id, str(_drawn(place, name, figure)), "figures")
    client.log_artifact(run_id, str(place / "manifest"))
    client.log_artifacts(run_id, str(place / "model"), "model")
    client.delete_tag(run_id, OPEN_TAG)
    client.set_terminated(run_id, "FINISHED")
    if new_name:
        _create_model(client, facts)
    return _create_version(client, run_id, facts, digest), run_id


def _is_new_name(client: MlflowClient, facts: Facts) -> bool:
    """Whether no version has the name yet. One name, one use case: two would move each other's aliases for ever.

    Raises:
        RegistryError: another use case has registered versions of a model of that name.
    """
    from mlflow.exceptions import MlflowException

    try:
        owner = client.get_registered_model(facts.model).tags.get(USE_CASE_TAG)
    except MlflowException as fault:
        if fault.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return True
    if owner and owner != facts.tags.get(USE_CASE_TAG, owner):
        raise RegistryError(
            f"the model name {facts.model!r} belongs to the use case {owner!r}, and {facts.tags[USE_CASE_TAG]!r} would "
            "share its versions and aliases in MLflow; give the ModelSpec another name"
        )
    return False


def fetch(client: MlflowClient, model: str, version: int, place: Path) -> None:
    """Copy the files of a version into a folder, as they are; whether they are right is for the caller to check.

    Raises:
        DigestMismatch: MLflow knows the version and has no files of it.
    """
    run_id = client.get_model_version(model, str(version)).run_id
    if not run_id or not client.list_artifacts(run_id, "model"):
        raise DigestMismatch(
            f"{model} version {version}: MLflow has its record but not its files (deleted from run {run_id}?)"
        )
    client.download_artifacts(run_id, "model", str(place))
    if any(entry.path == "manifest" for entry in client.list_artifacts(run_id)):
        client.download_artifacts(run_id, "manifest", str(place))


def project(client: MlflowClient, model: str, wanted: Mapping[str, int | None]) -> bool:
    """Set or remove aliases where they differ from what is wanted; whether one did."""
    present = {alias: int(version) for alias, version in client.get_registered_model(model).aliases.items()}
    differing = {alias: version for alias, version in wanted.items() if present.get(alias) != version}
    for alias, version in differing.items():
        if version is None:
            client.delete_registered_model_alias(model, alias)
        else:
            client.set_registered_model_alias(model, alias, str(version))
    return bool(differing)


def _experiment(client: MlflowClient, artifact_root: str | None, model: str) -> str:
    """The experiment that holds the runs of a model; made at the first."""
    from mlflow.exceptions import MlflowException

    if found := _found_experiment(client, model):
        return found
    location = f"{artifact_root}/{model}" if artifact_root else None
    try:
        return client.create_experiment(model, artifact_location=location, tags={OWNER_TAG: "registry"})
    except MlflowException as fault:
        if fault.error_code == "RESOURCE_ALREADY_EXISTS" and (found := _found_experiment(client, model)):
            return found  # another process was faster
        raise


def _found_experiment(client: MlflowClient, model: str) -> str:
    experiment = client.get_experiment_by_name(model)
    if experiment is None:
        return ""
    if experiment.lifecycle_stage != "active":
        raise RegistryError(
            f"the MLflow experiment {model!r} was deleted; bring it back with "
            f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`"
        )
    return str(experiment.experiment_id)


def _open_run(client: MlflowClient, experiment: str, facts: Facts, digest: str) -> str:
    tags = {
        OWNER_TAG: "registry",
        OPEN_TAG: "true",
        "digest": digest,
        "dataset_digest": facts.dataset_digest,
        "code_version": facts.code_version,
        "mlflow.source.git.commit": facts.code_version,  # MLflow reads it from the folder of the worker's script
        "mlflow.source.name": facts.model,
    }
    run = client.create_run(experiment, run_name=f"{facts.model} {digest[:8]}", tags=tags | dict(facts.tags))
    return str(run.info.run_id)


def _log_facts(client: MlflowClient, run_id: str, facts: Facts) -> None:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param

    now = int(time.time() * 1_000)
    metrics = [Metric(name, float(value), now, 0) for name, value in facts.metrics.items() if math.isfinite(value)]
    params = [Param(name, str(value)[:_LONGEST_PARAM]) for name, value in facts.params.items()]
    client.log_batch(run_id, metrics=metrics, params=params[:_BATCH])
    for start in range(_BATCH, len(params), _BATCH):
        client.log_batch(run_id, params=params[start : start + _BATCH])
    dataset = Dataset(
        name=facts.model, digest=facts.dataset_digest[:_LONGEST_DATASET_DIGEST], source_type="case log", source="{}"
    )
    client.log_inputs(run_id, [DatasetInput(dataset)])


def _drawn(place: Path, name: str, figure: Figure | bytes) -> Path:
    """A figure as a PNG file."""
    file = place / f"{name.removesuffix('.png')}.png"
    if isinstance(figure, bytes):
        file.write_bytes(figure)
        return file
    canvas = io.BytesIO()
    figure.savefig(canvas, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
    file.write_bytes(canvas.getvalue())
    return file


def _create_model(client: MlflowClient, facts: Facts) -> None:
    from mlflow.exceptions import MlflowException

    try:
        own = {name: value for name, value in facts.tags.items() if name == USE_CASE_TAG}
        client.create_registered_model(facts.model, tags={OWNER_TAG: "registry", **own})
    except MlflowException as fault:
        if fault.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
            raise


def _create_version(client: MlflowClient, run_id: str, facts: Facts, digest: str) -> int:
    tags = {"digest": digest, "dataset_digest": facts.dataset_digest, "code_version": facts.code_version}
    tags |= {name: value for name, value in facts.tags.items() if name in PROMPT_TAGS}
    made = client.create_model_version(
        facts.model, f"runs:/{run_id}/model", run_id=run_id, tags=tags, await_creation_for=0
    )
    return int(made.version)  # text over REST, a number from a database
