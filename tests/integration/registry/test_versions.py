"""What is registered comes back, with what is known of it, from a database and from a server alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from aiops_flows.errors import UntrustedModel, VersionUnknown
from aiops_flows.registry import Registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PNG = b"\x89PNG"


def negated(values: Any) -> Any:
    return -values


def client_of(registry: Registry) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(registry.url, registry_uri=registry.url)


def test_a_version_predicts_after_loading_as_before(registry: Registry, example: Any, tmp_path: Path) -> None:
    """What is loaded, from the cache or from MLflow, gives the very probabilities that the fitted one gave."""
    made = example.register(registry)
    elsewhere = Registry(registry.url, tmp_path / "another machine")
    for place in (registry, elsewhere):
        loaded = place.load(example.model, made.version, made.digest)
        assert np.array_equal(loaded.predict_proba(example.rows), example.estimator.predict_proba(example.rows))


def test_versions_are_counted_in_whole_numbers(registry: Registry, example: Any) -> None:
    """A version is an int, also where MLflow's server gives text."""
    versions = [example.register(registry).version for _ in range(2)]
    assert versions == [1, 2]
    assert all(type(version) is int for version in versions)


def test_the_second_load_is_the_same_object(registry: Registry, example: Any) -> None:
    """A version is opened once in a process."""
    made = example.register(registry)
    first = registry.load(example.model, made.version, made.digest)
    assert registry.load(example.model, made.version, made.digest) is first


def test_the_run_says_what_the_version_learned_from(registry: Registry, example: Any) -> None:
    """Digests, code version, finite metrics and figures stand in MLflow under the run's id."""
    figure = Figure()
    figure.subplots().plot([1, 2])
    figures = {"calibration": figure, "lift": _PNG}
    made = example.register(registry, metrics={"roc_auc": 0.7, "undefined": float("nan")}, figures=figures)
    client = client_of(registry)
    run = client.get_run(made.run_id)
    assert run.inputs is not None
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"roc_auc": 0.7}
    assert {
        "digest": made.digest,
        "dataset_digest": "d" * 64,
        "code_version": "abc123",
    }.items() <= run.data.tags.items()
    assert [entry.dataset.digest for entry in run.inputs.dataset_inputs] == ["d" * 36]
    drawn = [
        client.download_artifacts(made.run_id, entry.path) for entry in client.list_artifacts(made.run_id, "figures")
    ]
    assert sorted(Path(file).name for file in drawn) == ["calibration.png", "lift.png"]
    assert all(Path(file).read_bytes().startswith(_PNG) for file in drawn)


def test_the_version_names_its_run_and_digest(registry: Registry, example: Any) -> None:
    """From MLflow's page of a version one finds its run and its digest."""
    made = example.register(registry)
    version = client_of(registry).get_model_version(example.model, str(made.version))
    assert version.run_id == made.run_id
    assert version.tags["digest"] == made.digest
    assert made.uri == f"models:/{example.model}/1"


def test_nothing_of_the_rows_is_stored(local: Registry, example: Any) -> None:
    """Only names and types of the feature columns reach MLflow."""
    canary = example.rows.head(2).assign(region=["north", "south"], note="DE89370400440532013000")
    example.register(local, features=canary)
    folder = Path(local.url.removeprefix("sqlite:///")).parent
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"DE89370400440532013000" in path.read_bytes()]


def test_aliases_follow_the_case_log(registry: Registry, example: Any) -> None:
    """`project` sets, moves and removes aliases, and says whether it had to."""
    for _ in range(2):
        example.register(registry)
    assert registry.project(example.model, champion=1, challenger=2)
    assert not registry.project(example.model, champion=1, challenger=2)
    client_of(registry).set_registered_model_alias(example.model, "champion", "2")
    assert registry.project(example.model, champion=1, challenger=None)
    aliases = client_of(registry).get_registered_model(example.model).aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 1}


def test_evidence_comes_back_under_its_names(registry: Registry, example: Any, tmp_path: Path) -> None:
    """What is attached to a run is read again bit for bit, and attaching it twice changes nothing."""
    made = example.register(registry)
    report = tmp_path / "report.html"
    report.write_bytes(b"<html>")
    files: dict[str, bytes | Path] = {"evidence/gates.json": b"{}", "evidence/report.html": report}
    for _ in range(2):
        registry.attach(made.run_id, files, {"gates": "passed"})
    assert registry.evidence_files(made.run_id) == {"evidence/gates.json": b"{}", "evidence/report.html": b"<html>"}
    assert client_of(registry).get_run(made.run_id).data.tags["gates"] == "passed"
    assert registry.load(example.model, made.version, made.digest)


def test_a_run_without_evidence_has_none(registry: Registry, example: Any) -> None:
    """The model's own files are no evidence."""
    assert registry.evidence_files(example.register(registry).run_id) == {}


def test_unknown_names_are_said_to_be_unknown(registry: Registry, example: Any) -> None:
    """A version, a model or a run that MLflow does not have is `VersionUnknown`, with its name."""
    made = example.register(registry)
    with pytest.raises(VersionUnknown, match=f"{example.model} version 7"):
        registry.load(example.model, 7, "0" * 64)
    with pytest.raises(VersionUnknown, match="no-such-model"):
        registry.load("no-such-model", 1, made.digest[::-1])
    with pytest.raises(VersionUnknown, match="no-such-model"):
        registry.project("no-such-model", champion=1, challenger=None)
    with pytest.raises(VersionUnknown, match="0123"):
        registry.attach("0123" * 8, {"evidence/gates.json": b""}, {})


def test_mlflow_can_use_the_version_itself(local: Registry, example: Any) -> None:
    """The stored files are an ordinary MLflow model: its own loader reads them and predicts the same."""
    import mlflow

    made = example.register(local)
    path = client_of(local).download_artifacts(made.run_id, "model")
    predicted = mlflow.pyfunc.load_model(path).predict(example.rows)
    assert np.array_equal(predicted, example.estimator.predict(example.rows))


def test_mlflows_global_state_is_left_alone(local: Registry, example: Any) -> None:
    """No run is active and no tracking URI is set afterwards."""
    import mlflow

    before = mlflow.get_tracking_uri()
    example.register(local)
    assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() == before


def test_what_was_registered_under_one_list_is_not_loaded_under_another(local: Registry) -> None:
    """Whoever loads a version names its own types again, also where the same process has registered it."""
    rows = pd.DataFrame({"amount": [1.0, 2.0]})
    kept = make_pipeline(FunctionTransformer(negated), LinearRegression()).fit(rows, [1.0, 2.0])
    facts: dict[str, Any] = {
        "metrics": {},
        "params": {},
        "tags": {},
        "figures": {},
        "dataset_digest": "d" * 64,
        "code_version": "c",
    }
    made = local.register("claims-negated", kept, features=rows.iloc[:0], trusted=[negated], **facts)
    with pytest.raises(UntrustedModel, match="negated"):
        local.load("claims-negated", made.version, made.digest)
    assert local.load("claims-negated", made.version, made.digest, trusted=[negated]).predict(rows) == pytest.approx(
        [1, 2]
    )


def test_a_link_leads_to_the_version(local: Registry, tmp_path: Path) -> None:
    """Behind a server a version has a page, otherwise a name."""
    assert local.url_of("claims", 3) == "models:/claims/3"
    served = Registry("http://mlflow.example:5000/", tmp_path)
    assert served.url_of("claims", 3) == "http://mlflow.example:5000/#/models/claims/versions/3"


def test_columns_of_any_type_have_a_signature(local: Registry, example: Any) -> None:
    """Moments, truth values, labels and nullable numbers are described without a warning."""
    table = pd.DataFrame({"amount": [0.0], "region": ["north"], "at": pd.to_datetime(["2026-01-01"], utc=True)})
    table = table.assign(flag=True, count=pd.array([None], dtype="Int64"), kind=pd.Categorical(["a"]))
    made = example.register(local, features=table.iloc[:0])
    text = Path(client_of(local).download_artifacts(made.run_id, "model/MLmodel")).read_text()
    for expected in ("datetime", "boolean", "long", "string", "double"):
        assert f'"type": "{expected}"' in text.replace("\n      ", " ").replace("\n    ", " ")


def test_nothing_is_said_on_the_terminal(registry: Registry, example: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """No log lines, links or progress bars of MLflow: the terminal belongs to whoever calls."""
    made = example.register(registry)
    registry.attach(made.run_id, {"evidence/gates.json": b"{}"}, {})
    registry.evidence_files(made.run_id)
    registry.project(example.model, champion=1, challenger=None)
    assert capfd.readouterr() == ("", "")
