"""Published tables that the kit was not made for, from `aiops-flows new --from` to decided cases.

    python -m benchmarks.kit.strangers --data FOLDER [--conform]

FOLDER holds lgpif/, multidogo/, clinc150/, tsa_claims/, bike_sharing/ and insurance_claims/. Every guess stands as it
was made: the written file is loaded, learns, is judged by its own gate, and decides the cases held back. With
``--conform`` the conformance suite is held on each as well. The figures are written to
benchmarks/results/kit_strangers.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from aiops_flows.estimators.quantile_regressor import QuantileRegressor
from aiops_flows.estimators.spread import RegressorWithSpread
from aiops_flows.starting import Plan, plan_of_file, write
from aiops_flows.starting.outcome import guess_outcome
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.quantiles import Quantities
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.testing import conformance
from aiops_flows.use_case import load_use_case
from benchmarks.tickets.routing_data import clinc, multidogo

RESULTS = Path(__file__).resolve().parents[1] / "results" / "kit_strangers.md"
_PERILS = ["Vandalism", "Fire", "Lightning", "Wind", "Hail", "Vehicle", "WaterNW", "WaterW", "Misc"]
_WRONG = 0.20
"""Of what is answered without a person, so many may be further off than the made use case allows."""


def losses(folder: Path) -> pd.DataFrame:
    """Losses of a public property fund: described in words, their amount, their peril."""
    rows = pd.read_csv(folder / "lgpif" / "peril.training.csv")
    return rows[["Description", "Loss"]].assign(Peril=rows[_PERILS].idxmax(axis=1))


def turns(folder: Path) -> pd.DataFrame:
    """Every third turn of customers of an insurer, and what each wants."""
    said = multidogo(folder, "insurance", "train")
    return pd.DataFrame({"utterance": said.cases["words"], "intent": said.classes}).iloc[::3]


def requests(folder: Path) -> pd.DataFrame:
    """Requests to an assistant, of thirty intents."""
    said = clinc(folder, "train", "val")
    rows = pd.DataFrame({"utterance": said.cases["words"], "intent": said.classes})
    chosen = sorted(set(rows["intent"]) - {"oos"})[::5][:30]
    return rows[rows["intent"].isin(chosen)]


def luggage(folder: Path) -> pd.DataFrame:
    """Claims for luggage: what was lost, where, and what became of the claim."""
    rows = pd.read_csv(folder / "tsa_claims" / "tsa_2010_2013.csv.gz", dtype=str)
    rows = rows[rows["Disposition"] != "-"].drop(columns="Close Amount")
    return rows.sample(8_000, random_state=0)


TABLES: Mapping[str, tuple[Callable[[Path], pd.DataFrame], str]] = {
    "losses of a property fund": (losses, "Peril"),
    "the same": (losses, "Loss"),
    "turns of insurance customers": (turns, "intent"),
    "requests alone": (requests, "intent"),
    "luggage claims": (luggage, "Disposition"),
}


def made(name: str, table: pd.DataFrame, outcome: str, folder: Path) -> Plan:
    """The use case that the kit makes of a table."""
    file = folder / f"{name}.csv"
    table.to_csv(file, index=False)
    plan = plan_of_file(name, file, outcome)
    write(plan, folder / name)
    sys.path.insert(0, str(folder / name))
    return plan


def lived(plan: Plan, folder: Path) -> dict[str, Any]:
    """What came of it: the gate, the certificate, and the cases held back."""
    os.environ["AIOPS_HOME"] = str(folder / f"home-{plan.name}")
    use_case = load_use_case(f"{plan.module}:{plan.constant}")
    (spec,) = use_case.models
    data = folder / plan.name / "data"
    place = Workspace.here()
    take_in(place, use_case, data / "past.csv", history=True)
    record_outcomes(place, use_case, data / "past_outcomes.csv")
    trained = retrain(place, use_case, spec)
    gate = trained.results[0]
    promote(place, use_case, spec, version=trained.version)
    certificate = certificate_in_force(place, use_case)
    new = take_in(place, use_case, data / "new.csv")
    done = review(place, use_case, predict(place, use_case, spec, new))
    return {
        "rows": len(plan.past) + len(plan.new),
        "outcome": f"{plan.outcome.name}, {len(plan.outcome.classes)} classes"
        if plan.outcome.classes
        else "a quantity",
        "reads": ", ".join(spec.features),
        "gate": gate.gate,
        "challenger": gate.value,
        "baseline": gate.baseline,
        "passed": "yes" if trained.passed else "no",
        "certified at most": certificate.error_upper if certificate and certificate.coverage else None,
        "new": len(new),
        "by policy": int((done["verdict_by"] == "policy").sum()),
    }


def spread_or_quantiles(name: str, rows: pd.DataFrame, outcome: str, labels: list[str]) -> dict[str, Any]:
    """Which share of left-out rows could be answered, the surest first, with few enough of them far off."""
    rows = rows.dropna(subset=[outcome])
    numbers = [column for column in rows if column not in {*labels, outcome}]
    learned, judged = train_test_split(rows, test_size=0.4, random_state=0)
    guess = guess_outcome(outcome, [str(value) for value in rows[outcome]])
    near = (guess.spread or guess.high) / 4
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=5)
    trees = HistGradientBoostingRegressor(
        loss="squared_error" if guess.mostly_lowest else "absolute_error",
        max_depth=3, learning_rate=0.05, early_stopping=False, random_state=0,
    )  # fmt: skip
    base = make_pipeline(make_column_transformer((codes, labels), ("passthrough", numbers)), trees)
    found: dict[str, Any] = {"data": name, "learned from": len(learned), "judged": len(judged)}
    for kind, estimator in (("spread", RegressorWithSpread(base)), ("quantiles", QuantileRegressor(base))):
        columns = [*labels, *numbers]
        asked = Quantities.of(estimator.fit(learned[columns], learned[outcome].to_numpy()))
        said, _, sure = asked.read(asked.ask(judged[columns]))
        truth = judged[outcome].to_numpy()
        far = np.abs(said - truth) > np.maximum(0.25 * np.abs(truth), near)
        found[f"MAE, {kind}"] = float(np.abs(said - truth).mean())
        found[f"answered, {kind}"] = _answered(sure, far)
    return found


def _answered(sure: np.ndarray, far: np.ndarray) -> float:
    order = np.argsort(-sure, kind="stable")
    share = np.cumsum(far[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(share <= _WRONG)
    return float((kept[-1] + 1) / len(order)) if len(kept) else 0.0


def quantities(folder: Path) -> list[dict[str, Any]]:
    """Tables with a quantity, without their texts."""
    packed = zipfile.ZipFile(folder / "bike_sharing" / "bike_sharing_dataset.zip")
    hours = pd.read_csv(io.BytesIO(packed.read(next(name for name in packed.namelist() if "hour" in name))))
    weather = ["season", "yr", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "hum", "cnt"]
    cars = pd.read_csv(next((folder / "insurance_claims").glob("*.csv")))
    labels = ["incident_type", "collision_type", "incident_severity", "auto_make"]
    numbers = ["age", "months_as_customer", "number_of_vehicles_involved", "witnesses", "total_claim_amount"]
    return [
        spread_or_quantiles("hourly bicycle hire", hours[weather].sample(5_000, random_state=0), "cnt", []),
        spread_or_quantiles("car claims", cars[[*labels, *numbers]], "total_claim_amount", labels),
        spread_or_quantiles("losses by peril", losses(folder)[["Peril", "Loss"]], "Loss", ["Peril"]),
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown."""
    lines = [
        f"| {' | '.join(line)} |" for line in [list(rows[0]), *([_shown(v) for v in row.values()] for row in rows)]
    ]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Print the figures and write them."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--data", type=Path, required=True)
    reading.add_argument("--conform", action="store_true")
    asked = reading.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for at, (about, (read, outcome)) in enumerate(TABLES.items()):
            plan = made(f"stranger-{at}", read(asked.data), outcome, folder)
            row = {"table": about, **lived(plan, folder)}
            if asked.conform:
                data = folder / plan.name / "data"
                report = conformance(f"{plan.module}:{plan.constant}", data / "past.csv", data / "past_outcomes.csv")
                row["checks passed"] = f"{sum(bool(each.passed) for each in report.results)} of {len(report.results)}"
            rows.append(row)
            print(json.dumps(row), flush=True)
    text = f"{_ABOUT}\n{table(rows)}\n\n{_SPREAD}\n{table(quantities(asked.data))}\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


_ABOUT = """# Tables of strangers

`python -m benchmarks.kit.strangers --data FOLDER --conform`
Published tables through `aiops-flows new --from`, every guess as it was made; one run each, on the cases that the gate
judges.
*Certified at most*: the share of wrong answers among those decided without a person that is certified, 90 % sure; `-`
where nothing could be certified, so that all go to people.
*By policy*: of the new cases, those decided without a person.
"""

_SPREAD = """## A spread, or quantiles

Of left-out rows, the share that could be answered without a person, the surest first, with at most 20 % of them
further off than a made use case allows (a quarter of the truth, or of the usual spread).
"""


if __name__ == "__main__":
    main()
