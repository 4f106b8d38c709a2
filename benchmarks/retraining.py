"""What a retraining costs through the supplied flow, beside the ordinary way with MLflow's and Evidently's defaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from prefect import flow, task
from sklearn.base import clone

from aiops_flows import retrain
from aiops_flows.steps.rows import labelled_rows
from aiops_flows.steps.workspace import Workspace
from benchmarks.measuring import Figures, interleaved, told
from benchmarks.ordinary import FEATURES, with_its_defaults
from benchmarks.stage import CLAIMS, LEARNED_BY, Stage

__all__ = ["beside_ordinary"]

SPEC = CLAIMS.models[0]
NAME = "ordinary-retrained"
TRUTH = "disposition"


def beside_ordinary(stage: Stage, figures: Figures, repeats: int) -> None:
    """Train, judge beside the champion, register with evidence, promote: both ways, on the same rows."""
    files = _rows_as_files(stage)
    tracking = f"sqlite:///{stage.folder / 'ordinary-mlflow.db'}"

    def ordinary() -> object:
        with with_its_defaults(tracking):
            return ordinary_retrain(str(files[0]), str(files[1]), str(files[2]), str(stage.folder / "retrain.html"))

    def ours() -> object:
        return retrain("benchmarks.stage:CLAIMS", SPEC.name, as_of=LEARNED_BY)

    runs: dict[str, Callable[[], object]] = {"ours": ours, "ordinary": ordinary}
    interleaved(runs, 1, stage.fresh_log)
    seconds = interleaved(runs, repeats, stage.fresh_log)
    rows = [len(pd.read_parquet(file)) for file in files[:2]]
    figures.note("rows learned from, rows judged on", f"{rows[0]:,}, {rows[1]:,}")
    for name, taken in seconds.items():
        figures.note(f"retrain, gate, register, promote, {name}: CPU s", told(taken))
    figures.hold("ordinary / ours", median(seconds["ordinary"]) / median(seconds["ours"]), at_least=5)


def _rows_as_files(stage: Stage) -> list[Path]:
    """The rows that ours learns from, those it is judged on, and those that arrived last."""
    stage.fresh_log()
    place = Workspace.here()
    files = []
    for part in ("train", "judge"):
        rows = labelled_rows(place, CLAIMS, SPEC, as_of=LEARNED_BY, part=part, window=SPEC.train_window)
        files.append(_written(stage.folder / f"{part}.parquet", rows.cases.assign(**{TRUTH: rows.truth.astype(str)})))
    return [*files, _written(stage.folder / "arriving.parquet", stage.example(2_000))]


def _written(path: Path, rows: pd.DataFrame) -> Path:
    naive = {name: rows[name].dt.tz_localize(None) for name in ("received_at", "incident_at")}
    rows[FEATURES + ([TRUTH] if TRUTH in rows else [])].assign(**naive).to_parquet(path)
    return path


# --- the ordinary way ----------------------------------------------------------------------------------------------


@task
def fit(train: pd.DataFrame) -> Any:
    """The fitted estimator."""
    return clone(SPEC.estimator).fit(train[FEATURES], train[TRUTH])


@task
def log(fitted: Any, train: pd.DataFrame) -> tuple[str, str]:
    """Model URI and version; requirements are found by MLflow itself."""
    import mlflow
    from mlflow.models import infer_signature

    logged = mlflow.sklearn.log_model(
        fitted,
        name="model",
        signature=infer_signature(train[FEATURES], fitted.predict(train[FEATURES])),
        registered_model_name=NAME,
        serialization_format="cloudpickle",
    )
    return logged.model_uri, str(logged.registered_model_version)


@task
def evaluate(model_uri: str, judging: pd.DataFrame) -> dict[str, float]:
    """MLflow's default metrics and plots."""
    import mlflow

    rows = judging[[*FEATURES, TRUTH]]
    result: Any = getattr(mlflow.models, "evaluate")(model_uri, rows, targets=TRUTH, model_type="classifier")  # noqa: B009
    return dict(result.metrics)


@task
def report_drift(train: pd.DataFrame, arriving: pd.DataFrame, page: str) -> float:
    """Share of watched columns that Evidently's preset calls drifted; its page goes to the run."""
    import mlflow
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = list(SPEC.drift_columns)
    report = Report([DataDriftPreset()])
    result = report.run(Dataset.from_pandas(arriving[columns]), Dataset.from_pandas(train[columns]))
    result.save_html(page)
    mlflow.log_artifact(page)
    return float(result.dict()["metrics"][0]["value"]["share"])


@flow
def ordinary_retrain(train_file: str, judging_file: str, arriving_file: str, page: str) -> bool:
    """Train, evaluate beside the champion on the same rows, and move the alias if the challenger is not worse."""
    import mlflow
    from mlflow.exceptions import MlflowException

    train, judging, arriving = (pd.read_parquet(file) for file in (train_file, judging_file, arriving_file))
    client = mlflow.MlflowClient()
    with mlflow.start_run():
        model_uri, version = log(fit(train), train)
        challenger = evaluate(model_uri, judging)
        try:
            champion = evaluate(f"models:/{NAME}@champion", judging)
        except MlflowException:
            champion = {"log_loss": float("inf")}
        drifted = report_drift(train, arriving, page)
        better = challenger.get("log_loss", 0.0) <= champion.get("log_loss", 0.0) + 0.1 and drifted < 0.5
        if better:
            client.set_registered_model_alias(NAME, "champion", version)
    return better
