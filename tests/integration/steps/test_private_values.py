"""Names, accounts and streets of cases are in the case log alone: in no model file, no report, nothing of MLflow."""

from __future__ import annotations

import csv
import random
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from faker import Faker
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.starting import plan_of_file, write
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, Gate, ModelSpec, UseCase, load_use_case
from tests.parcels import PARCELS

ROWS = 300
FAKER = Faker("de_DE")
FAKER.seed_instance(4)
CANARIES = {
    "contact": [f"{FAKER.first_name()} {FAKER.last_name()}" for _ in range(15)],
    "Konto": [FAKER.iban() for _ in range(60)],
    "where": [f"{FAKER.street_name()}straße {number}" for number in range(30)],
}
"""15 names, 60 accounts and 30 streets, each in several rows, as customers come again."""


def customers_file(path: Path) -> Path:
    luck = random.Random(5)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["no", "Eingang", "amount", "kind", *CANARIES, "fate"])
        for number in range(ROWS):
            amount, kind = luck.gammavariate(3, 20), luck.choice("abc")
            fate = "late" if amount + luck.gauss(0, 10) + 20 * (kind == "b") > 60 else "in time"
            day = f"{1 + number % 28}.{1 + number * 12 // ROWS}.2025"
            people = [luck.choice(values) for values in CANARIES.values()]
            lines.writerow([f"K-{number}", day, f"{amount:.2f}", kind, *people, fate])
    return path


@pytest.fixture
def customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UseCase]:
    """What `aiops-flows new` makes of a file of customers."""
    write(plan_of_file("customers", customers_file(tmp_path / "customers.csv"), "fate"), tmp_path / "made")
    monkeypatch.syspath_prepend(str(tmp_path / "made"))
    yield load_use_case("customers:CUSTOMERS")
    del sys.modules["customers"]


def hits(folder: Path, canaries: Sequence[str]) -> list[str]:
    """Where a canary stands in the files of a folder, those inside model files included."""
    found = []
    for path in (each for each in folder.rglob("*") if each.is_file() and "case_log" not in each.name):
        contents = {path.name: path.read_bytes()}
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                contents |= {f"{path.name}/{name}": packed.read(name) for name in packed.namelist()}
        for name, content in contents.items():
            forms = [form for text in canaries for form in (text, text.encode("unicode_escape").decode())]
            found += [f"{name}: {form}" for form in forms if form.encode() in content]
    return found


def test_a_generated_use_case_holds_no_person_beyond_the_case_log(
    place: Workspace, customers: UseCase, tmp_path: Path
) -> None:
    """15 names, 60 accounts and 30 streets: no hit in the model file, the drift report, the evidence, MLflow."""
    data = tmp_path / "made" / "data"
    assert customers.models[0].features == ["amount", "kind"]
    take_in(place, customers, data / "past.csv", history=True)
    record_outcomes(place, customers, data / "past_outcomes.csv")
    made = retrain(place, customers, customers.models[0])
    assert made.version == 1
    home = place.settings.home
    assert any(each.name == "drift_report.html" for each in home.rglob("*"))
    assert not hits(home, [text for values in CANARIES.values() for text in values])


class Customer(Case):
    """A case of a customer, declared by hand."""

    amount: float
    konto: str


def spec_of(encoder: object, **options: object) -> ModelSpec:
    columns = make_column_transformer((encoder, ["konto"]), remainder="passthrough")
    model = ModelSpec(
        name="customers-late",
        features=["amount", "konto"],
        output="late",
        estimator=make_pipeline(columns, LogisticRegression(max_iter=1_000)),
        gates=[Gate("roc_auc", at_least=0.1)],
        min_rows=50,
    )
    return replace(model, **options)  # type: ignore[arg-type]


def taken_in(place: Workspace, values: Sequence[str], spec: ModelSpec) -> UseCase:
    """A use case with the model alone, and labelled rows with these values."""
    luck = random.Random(6)
    rows = [
        {
            "case_id": f"K-{number}",
            "amount": luck.random(),
            "konto": value,
            "received_at": f"2026-01-{number % 28 + 1:02d}",
        }
        for number, value in enumerate(values)
    ]
    declared = replace(PARCELS, name="customers", case=Customer, models=[spec])
    take_in(place, declared, rows, history=True)
    outcomes = [{"case_id": f"K-{number}", "late": luck.choice(["yes", "no"])} for number in range(len(values))]
    record_outcomes(place, declared, pd.DataFrame(outcomes))
    return declared


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([CANARIES["Konto"][number % 60] for number in range(ROWS)], r"looks like personal data \(bank accounts\)"),
        ([CANARIES["contact"][number % 15] for number in range(ROWS)], r"looks like personal data \(names of people\)"),
        ([f"unit {chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(ROWS)], "is nearly unique"),
    ],
)
def test_a_model_file_with_private_values_is_refused(place: Workspace, values: list[str], why: str) -> None:
    """A one-hot encoder keeps each category it has seen; nothing is stored, and the error names no value."""
    declared = taken_in(place, values, spec_of(OneHotEncoder(handle_unknown="ignore")))
    with pytest.raises(TrainingError, match=rf"values of `konto`, which {why}") as refused:
        retrain(place, declared, declared.models[0])
    assert not any(value in str(refused.value) for value in values)
    assert not hits(place.settings.home, values)


def test_an_encoder_that_keeps_no_rare_value_is_taken(place: Workspace) -> None:
    """Nearly unique values that the model file does not hold are nobody's concern."""
    values = [f"unit {chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(ROWS)]
    declared = taken_in(place, values, spec_of(LabelCodes(min_rows=10)))
    assert retrain(place, declared, declared.models[0]).version == 1


def test_values_that_only_look_personal_are_declared_public(place: Workspace) -> None:
    """Airports that bear names of people, say."""
    values = [CANARIES["contact"][number % 15] for number in range(ROWS)]
    declared = taken_in(place, values, spec_of(OneHotEncoder(handle_unknown="ignore"), public_columns=["konto"]))
    assert retrain(place, declared, declared.models[0]).version == 1
