"""What a verdict on the drift of twenty columns costs, beside Evidently's preset, and that its numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.drift import measure_drift
from benchmarks.measuring import Figures, interleaved, told

__all__ = ["beside_preset"]

REFERENCE_ROWS = 5_000
CURRENT_ROWS = 1_000
METHODS = {"num_method": "wasserstein", "cat_method": "jensenshannon"}
COLUMNS = [*(f"number_{n}" for n in range(12)), *(f"label_{n}" for n in range(8))]


def beside_preset(figures: Figures, repeats: int) -> None:
    """Our verdict against the preset computed and read, and against the preset with its page for people."""
    reference, current = _table(REFERENCE_ROWS, seed=1, moved=0.0), _table(CURRENT_ROWS, seed=2, moved=0.2)
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: measure_drift(reference, current, COLUMNS),
        "preset": lambda: _preset(reference, current).dict(),
        "preset with its page": lambda: _preset(reference, current).get_html_str(as_iframe=False),
    }
    interleaved(runs, 1)
    seconds = interleaved(runs, repeats)
    for name, taken in seconds.items():
        figures.note(f"{CURRENT_ROWS:,} rows against {REFERENCE_ROWS:,}, {name}: CPU s", told(taken))
    ratio = median(seconds["preset"]) / median(seconds["ours"])
    figures.hold("preset, without its page / ours", ratio, at_least=20)
    figures.hold("largest difference of a distance", _largest_difference(reference, current), at_most=1e-6)


def _table(rows: int, *, seed: int, moved: float) -> pd.DataFrame:
    """Twelve numbers and eight labels; every fourth of them moved."""
    random = np.random.default_rng(seed)
    numbers = {f"number_{n}": random.lognormal(moved * (n % 4 == 0), 1.0, rows) for n in range(12)}
    labels = {}
    for n in range(8):
        values = 3 + 4 * n
        shares = np.arange(1, values + 1) ** -(1.0 + moved * (n % 4 == 0))
        labels[f"label_{n}"] = random.choice([f"value {v}" for v in range(values)], rows, p=shares / shares.sum())
    return pd.DataFrame(numbers | labels)


def _preset(reference: pd.DataFrame, current: pd.DataFrame, **methods: str) -> Any:
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    report = Report([DataDriftPreset(**methods)])
    return report.run(Dataset.from_pandas(current), Dataset.from_pandas(reference))


def _largest_difference(reference: pd.DataFrame, current: pd.DataFrame) -> float:
    """Over the columns, between our distance and Evidently's by the same fixed method."""
    metrics = _preset(reference, current, **METHODS).dict()["metrics"]
    theirs = {each["config"]["column"]: float(each["value"]) for each in metrics if "column" in each["config"]}
    ours = {each.name: each.distance for each in measure_drift(reference, current, COLUMNS).columns}
    return max(abs(theirs[name] - (np.inf if (own := ours[name]) is None else own)) for name in COLUMNS)
