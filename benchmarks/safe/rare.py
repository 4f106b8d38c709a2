"""Rare outcomes: how often they are decided away without a person, before and after the promise for true classes.

    python -m benchmarks.safe.rare [--draws 400]

Drawn orders, a few of which are frauds; a model that tells them well, or not at all. *Before* is one promise over all
verdicts and no comparison with a naive rule; *after* is what a `ReviewPolicy` does by default. The figures are written
to benchmarks/results/rare_outcomes.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from aiops_flows.evidence.thresholds import certify_threshold
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase
from benchmarks.measuring import machine
from benchmarks.safe import RESULTS, certificate_of, table, verdicts_of

BASE_RATES = (0.01, 0.03, 0.06, 0.10)
MODELS = {"tells frauds (AUC 0.92)": 2.0, "tells nothing": 0.0}
_LABELS, _CASES = 4_000, 10_000
_LIMIT = 0.10


class Order(Case):
    """An order."""

    amount: float


ORDERS = UseCase(
    "orders",
    Order,
    [ModelSpec("orders-fraud", ["amount"], "fraud", DummyClassifier())],
    ReviewPolicy(
        verdicts=["yes", "no"],
        auto={"no": lambda orders: orders["fraud"] == "no", "yes": lambda orders: orders["fraud"] == "yes"},
        max_error=_LIMIT,
    ),
)


def drawn(rows: int, base_rate: float, distance: float, random: np.random.Generator) -> pd.DataFrame:
    """Orders with the answer of a calibrated model that sees how far a fraud lies from the others."""
    fraud = random.random(rows) < base_rate
    sign = random.normal(distance * fraud, 1.0)
    odds = np.log(base_rate / (1 - base_rate)) + distance * sign - distance**2 / 2
    chance = 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame({"amount": sign, "fraud": np.where(chance > 0.5, "yes", "no").astype(object)})
    return frame.assign(
        fraud_confidence=np.maximum(chance, 1 - chance) + random.random(rows) * 1e-9,  # no ties where it tells nothing
        fraud_version=pd.array([1] * rows, dtype="Int64"),
        fraud_note="",
        true=np.where(fraud, "yes", "no").astype(object),
    )


@dataclass(frozen=True)
class Outcome:
    """What policy did with the cases of one draw."""

    decided: float
    missed: float
    """Share of the frauds that were decided "no" without a person."""
    error: float


def of_draw(base_rate: float, distance: float, seed: int) -> tuple[Outcome, Outcome]:
    """Before and after, on the same labels and cases."""
    random = np.random.default_rng((seed, round(base_rate * 1_000), round(distance * 10)))
    labels = drawn(_LABELS, base_rate, distance, random)
    cases = drawn(_CASES, base_rate, distance, random)
    wrong = labels["fraud"] != labels["true"]
    found = certify_threshold(labels["fraud_confidence"], wrong, max_error=_LIMIT, confidence_level=0.90)
    reached = cases["fraud_confidence"] >= (np.inf if found.threshold is None else found.threshold)
    certificate = certificate_of(ORDERS, labels, {"fraud": labels["true"].to_numpy(dtype=object)})
    after = verdicts_of(ORDERS, certificate, cases)
    before = cases["fraud"].to_numpy(dtype=object, copy=True)
    before[~reached.to_numpy(dtype=bool)] = None
    return _outcome(cases, before), _outcome(cases, after)


def _outcome(cases: pd.DataFrame, verdicts: np.ndarray) -> Outcome:
    decided = np.array([verdict is not None for verdict in verdicts])
    wrong = decided & (verdicts != cases["true"].to_numpy())
    fraud = (cases["true"] == "yes").to_numpy()
    return Outcome(decided.mean(), wrong[fraud].mean(), wrong.sum() / max(decided.sum(), 1))


def measure(draws: int) -> list[dict[str, object]]:
    """The rows of the table."""
    rows: list[dict[str, object]] = []
    for name, distance in MODELS.items():
        for base_rate in BASE_RATES:
            pairs = [of_draw(base_rate, distance, seed) for seed in range(draws)]
            for place, certificate in enumerate(("before", "after")):
                mine = [pair[place] for pair in pairs]
                rows.append(_row(mine) | {"model": name, "frauds": f"{base_rate:.0%}", "certificate": certificate})
    return rows


def _row(outcomes: list[Outcome]) -> dict[str, object]:
    missed = np.array([each.missed for each in outcomes])
    wrong = np.array([each.error for each in outcomes])
    return {
        "model": "",
        "frauds": "",
        "certificate": "",
        "decided": f"{np.mean([each.decided for each in outcomes]):.3f}",
        'frauds decided "no"': f"{missed.mean():.3f}",
        "draws with more than 10 % of them": f"{(missed > _LIMIT).mean():.3f}",
        "draws with more than 10 % wrong": f"{(wrong > _LIMIT).mean():.3f}",
    }


def main() -> int:
    """Measure, print and write the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--draws", type=int, default=400)
    draws = asked.parse_args().draws
    text = _ABOUT.format(draws=draws, machine=machine(), labels=_LABELS, cases=_CASES) + table(measure(draws)) + "\n"
    print(text)
    (RESULTS / "rare_outcomes.md").write_text(text, encoding="utf-8")
    return 0


_ABOUT = """# Rare outcomes, decided without a person

`python -m benchmarks.safe.rare --draws {draws}`; draws of {labels:,} labelled orders each, counted on {cases:,} others;
`max_error=0.10`, 90 % sure; {machine}.
*Before* is one promise over both verdicts. *After* is what a policy does by default: each verdict by itself, never what
a naive rule gets as well, and of the frauds at most 10 % decided "no" without a person.

"""


if __name__ == "__main__":
    raise SystemExit(main())
