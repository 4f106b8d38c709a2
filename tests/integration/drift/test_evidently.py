"""Our arithmetic and our report beside the real Evidently."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from evidently.presets import DataDriftPreset

from aiops_flows.drift import DriftReport, measure_drift, render_report

METHODS = {"wasserstein": "numerical_columns", "jensenshannon": "categorical_columns"}


def names(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame.columns]


def varied(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Columns of every kind that both can measure, with missing values and a change."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "normal": random.normal(shift, 1, rows),
            "heavy": np.exp(random.normal(shift, 2, rows)),
            "count": random.poisson(3 + 3 * shift, rows),
            "constant": np.full(rows, 3.0),
            "nearly_constant": np.where(random.random(rows) < 0.01, 1.0, 0.0) * 1e-4,
            "infinite": np.where(random.random(rows) < 0.05, np.inf, random.normal(size=rows)),
            "region": random.choice(["north", "south", "east"], rows, p=[0.5 - shift / 4, 0.3 + shift / 4, 0.2]).astype(
                object
            ),
            "code": random.choice([f"c{number}" for number in range(150)], rows).astype(object),
            "urgent": random.random(rows) < 0.3 + shift / 5,
            "new": np.where(random.random(rows) < shift / 4, "new", "old").astype(object),
        }
    )
    for name in ("normal", "region"):
        frame.loc[random.random(rows) < 0.1 + shift / 5, name] = None
    return frame


def evidently_distances(reference: pd.DataFrame, current: pd.DataFrame, report: DriftReport) -> dict[str, float]:
    kinds: dict[str, list[str]] = {kind: [] for kind in METHODS.values()}
    for each in report.columns:
        kinds[METHODS[each.method]].append(each.name)
    before, now = (Dataset.from_pandas(frame, DataDefinition(**kinds)) for frame in (reference, current))
    found = Report([ValueDrift(column=each.name, method=each.method) for each in report.columns]).run(now, before)
    return {metric["config"]["column"]: metric["value"] for metric in found.dict()["metrics"]}


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # Evidently describes infinity
@pytest.mark.parametrize(("rows_reference", "rows_current"), [(300, 200), (2_000, 1_500)])
@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_distances_are_those_of_evidently(rows_reference: int, rows_current: int, shift: float) -> None:
    """Each column's distance equals Evidently's for the same method to 1e-6, missing values included."""
    reference, current = varied(rows_reference, 0), varied(rows_current, 1, shift)
    report = measure_drift(reference, current, names(reference))
    theirs = evidently_distances(reference, current, report)
    for each in report.columns:
        assert each.distance == pytest.approx(theirs[each.name], abs=1e-6), each.name


def twenty_columns(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    numbers = {f"number_{place}": random.normal(size=rows) for place in range(12)}
    labels = {f"label_{place}": random.choice(list("abcdefgh"), rows).astype(object) for place in range(8)}
    return pd.DataFrame({**numbers, **labels})


def cpu_seconds(work: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return median(seconds)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1_000, 10_000])
def test_a_verdict_costs_far_less_than_the_preset(rows: int) -> None:
    """A calibrated verdict on 20 columns takes a tenth of the CPU time of Evidently's drift preset, on any machine.

    The benchmarks hold it to a twentieth.
    """
    reference, current = twenty_columns(rows, 0), twenty_columns(rows, 1)
    columns = names(reference)
    measure_drift(reference, current, columns)
    preset = cpu_seconds(lambda: Report([DataDriftPreset()]).run(current, reference).dict(), 3)
    ours = cpu_seconds(lambda: measure_drift(reference, current, columns), 7)
    assert ours * 10 <= preset


def people(rows: int, seed: int) -> pd.DataFrame:
    """Rows with identifiers of every shape, beside a column that may be shown."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": np.exp(random.normal(6, 1, rows)),
            "region": random.choice(["north", "south"], rows).astype(object),
            "iban": [f"DE{number}" for number in random.integers(10**17, 10**18, rows)],
            "account": random.integers(10**15, 10**16, rows),
            "mail": [f"canary{number % 7}@example.org" for number in range(rows)],
            "policy": [f"PX-{70_000 + number % 5}" for number in range(rows)],
            "rare": ["canary-rare" if number == 3 else "often" for number in range(rows)],
            "secret": [f"canary-secret-{number}" for number in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def rendered() -> tuple[pd.DataFrame, DriftReport, bytes, bytes]:
    reference, current = people(900, 0), people(600, 1)
    report = measure_drift(reference, current, [name for name in names(reference) if name != "secret"])
    files = render_report(reference, current, report)
    return pd.concat([reference, current]), report, files.html, files.json


def test_no_identifier_is_in_a_report(rendered: tuple[pd.DataFrame, DriftReport, bytes, bytes]) -> None:
    """Neither values of columns that are not watched, nor rare ones, nor those like identifiers are in the files."""
    rows, _, html, text = rendered
    forbidden = [
        str(value) for name in ("iban", "account", "mail", "policy", "secret") for value in rows[name].unique()[:100]
    ]
    for canary in (*forbidden, "canary", "DE1", "secret"):
        assert canary.encode() not in html, canary
        assert canary.encode() not in text, canary
    assert b"north" in html


def test_a_report_holds_our_verdict_and_evidently_numbers(
    rendered: tuple[pd.DataFrame, DriftReport, bytes, bytes],
) -> None:
    """The JSON holds our report as it is, and Evidently's distances agree with it."""
    _, report, html, text = rendered
    found = json.loads(text)
    assert DriftReport.from_dict(found["drift_report"]) == report
    assert f"Verdict: {report.verdict}".encode() in html
    theirs = {metric["config"]["column"]: metric for metric in found["evidently"]["metrics"]}
    for name in ("amount", "region"):
        ours = next(each for each in report.columns if each.name == name)
        assert theirs[name]["value"] == pytest.approx(ours.distance, abs=1e-3)
        assert theirs[name]["config"]["threshold"] == pytest.approx(ours.limit)


def test_rendering_is_silent(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    """Rendering prints nothing and warns of nothing."""
    frame = varied(100, 0)
    render_report(frame, frame, measure_drift(frame, frame, names(frame)))
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize(
    "current",
    [pd.DataFrame(), varied(0, 0), varied(1, 0), varied(80, 0).assign(normal=None, region=None)],
    ids=["nothing", "no rows", "one row", "empty columns"],
)
def test_a_report_is_rendered_whatever_there_is(current: pd.DataFrame) -> None:
    """Too little data for Evidently still gives a page with our verdict and its reason, and JSON that reads back."""
    reference = varied(200, 1)
    report = measure_drift(reference, current, names(reference))
    for before, now in ((reference, current), (current, reference)):
        files = render_report(before, now, report)
        assert f"Verdict: {report.verdict}".encode() in files.html
        assert json.loads(files.json)["drift_report"]["reason"] == report.reason


def test_markup_in_a_column_name_stays_text() -> None:
    """A column name cannot bring markup into the page's own section."""
    frame = pd.DataFrame({"<script>alert(1)</script>": range(100)})
    files = render_report(frame, frame, measure_drift(frame, frame, names(frame)))
    section = files.html.split(b"</section>")[0].split(b"<body>")[1]
    assert b"<script>" not in section
