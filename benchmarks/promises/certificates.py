"""P20: how often a certified threshold breaks its word, beside the threshold that looked right on the same labels.

Drawn worlds, in which the true error above a threshold is known by arithmetic; and resplits of published claims, in
which labels are drawn at random and the truth is that of all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

from aiops_flows.evidence import certify_threshold
from benchmarks.promises import Row, Table, figure, rate

__all__ = ["PROMISES", "World", "claims_world", "drawn_worlds", "plug_in", "rows_of", "table"]

PROMISES = ("P20",)
LEVEL = 0.90

Floats = NDArray[np.float64]
Draw = tuple[Floats, Floats, Callable[[float], float], float]
"""Confidences, losses, the true mean loss above a threshold, and the share that an oracle could decide."""


@dataclass(frozen=True)
class World:
    """Where labelled rows come from."""

    name: str
    max_error: float
    draw: Callable[[np.random.Generator], Draw]


def table(draws: int, seed: int) -> Table:
    """Violations and coverage, in drawn worlds and on published claims."""
    worlds = drawn_worlds()
    left_out = []
    if (found := _claims()) is None:
        left_out.append("the published claims: their file is not there (AIOPS_SHARED_DATA)")
    else:
        worlds.append(found)
    rows = [row for world in worlds for row in rows_of(world, draws, seed)]
    return Table(
        "P20",
        f"what is certified at {LEVEL:.0%} is broken in at most {1 - LEVEL:.0%} of the draws",
        "the lowest threshold above which the labelled rows keep to the limit",
        rows,
        left_out,
    )


def rows_of(world: World, draws: int, seed: int) -> Iterator[Row]:
    """How often the certificate and the plug-in threshold break the limit in truth, and what they cover."""
    broken, covered, best = np.zeros(2, int), np.zeros(2), 0.0
    for draw in range(draws):
        confidence, loss, true_above, oracle = world.draw(np.random.default_rng((seed, draw)))
        sure = certify_threshold(confidence, loss, max_error=world.max_error, confidence_level=LEVEL).threshold
        for place, found in enumerate((sure, plug_in(confidence, loss, world.max_error))):
            if found is not None:
                broken[place] += true_above(found) > world.max_error
                covered[place] += (confidence >= found).mean()
        best += oracle
    yield rate(
        f"{world.name}: violations", broken[0], draws, naive=broken[1], at_most=1 - LEVEL, naive_must_fail=draws >= 100
    )
    yield figure(f"{world.name}: coverage (oracle {best / draws:.3f})", draws, *(covered / draws))


def plug_in(confidence: Floats, loss: Floats, max_error: float) -> float | None:
    """The naive threshold: the lowest above which the observed mean loss is small enough."""
    order = np.argsort(-confidence)
    observed = np.cumsum(loss[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(observed <= max_error)
    return float(confidence[order][kept[-1]]) if len(kept) else None


def drawn_worlds() -> list[World]:
    """Worlds whose truth is known by arithmetic: error falling with confidence, going up and down, and costs."""
    falling = [World(f"drawn, {labels:,} labels", 0.05, _falling(labels)) for labels in (300, 1_000, 5_000)]
    return [*falling, World("drawn, error up and down", 0.05, _wavy), World("drawn, costs", 0.05, _costs)]


def _falling(labels: int) -> Callable[[np.random.Generator], Draw]:
    def draw(random: np.random.Generator) -> Draw:
        confidence = random.random(labels)
        wrong = random.random(labels) < 0.3 * (1 - confidence)
        return confidence, wrong.astype(np.float64), lambda threshold: 0.15 * (1 - threshold), 1 / 3

    return draw


def _wavy(random: np.random.Generator) -> Draw:
    """Surest of all in some that are often wrong."""
    confidence = random.random(2_000)
    limits = [0.0, 0.75, 0.8, 0.955, 0.97, 1.0]
    errors = np.array([0.06, 0.25, 0.01, 0.25, 0.0])
    wrong = random.random(2_000) < errors[np.digitize(confidence, limits[1:-1])]

    def true_above(threshold: float) -> float:
        widths = np.diff(np.maximum(limits, threshold))
        return float(widths @ errors) / max(1 - threshold, 1e-12)

    grid = np.linspace(0, 0.9999, 2_000)
    kept = [threshold for threshold in grid if true_above(threshold) <= 0.05]
    return confidence, wrong.astype(np.float64), true_above, 1 - min(kept)


def _costs(random: np.random.Generator) -> Draw:
    """Many small losses and a few of the worst, of the same mean as the falling error."""
    confidence = random.random(5_000)
    mean = 0.3 * (1 - confidence)
    worst = random.random(5_000) < mean / 4
    losses = np.where(worst, 1.0, 0.75 * mean / (1 - mean / 4))
    return confidence, losses, lambda threshold: 0.15 * (1 - threshold), 1 / 3


def claims_world(file: Path, labels: int = 4_000, max_error: float = 0.25) -> World:
    """Paid or denied: a model of the published claims of 2010 and 2011, and labels drawn from those of 2012 and 2013.

    At random, so that labels and other claims are alike: what happens where they are not is shown by the replay. The
    limit is one that this model can keep: a fifth of its surest answers are wrong.
    """
    confidence, wrong = _judged_claims(file)
    order = np.argsort(-confidence, kind="stable")

    def draw(random: np.random.Generator) -> Draw:
        drawn = np.zeros(len(order), np.bool_)
        drawn[random.choice(len(order), labels, replace=False)] = True
        others = order[~drawn[order]]
        scores, errors = confidence[others], np.cumsum(wrong[others]) / np.arange(1, len(others) + 1)
        kept = np.flatnonzero(errors <= max_error)
        best = (kept[-1] + 1) / len(others) if len(kept) else 0.0

        def true_above(threshold: float) -> float:
            place = int(np.searchsorted(-scores, -threshold, side="right"))
            return float(errors[place - 1]) if place else 0.0

        return confidence[drawn], wrong[drawn], true_above, best

    return World(f"published claims, {labels:,} labels, limit {max_error:.0%}", max_error, draw)


def _judged_claims(file: Path) -> tuple[Floats, Floats]:
    """Confidence, and 1 where the model was wrong, of the claims received in 2012 and 2013 that were closed."""
    claims = pd.read_csv(file, dtype=str, keep_default_na=False)
    claims = claims[claims["Disposition"].isin(["Deny", "Approve in Full", "Settle"])]
    received = pd.to_datetime(claims["Date Received"], errors="coerce")
    incident = pd.to_datetime(claims["Incident Date"], errors="coerce", format="mixed")
    columns = ["Claim Type", "Claim Site", "Airport Code", "Airline Name", "Item Category"]
    codes = OrdinalEncoder(max_categories=200, handle_unknown="use_encoded_value", unknown_value=-1)
    late = (received.dt.year >= 2012).to_numpy()
    features = np.column_stack(
        [codes.fit(claims.loc[~late, columns]).transform(claims[columns]), (received - incident).dt.days]
    )
    paid = (claims["Disposition"] != "Deny").to_numpy()
    model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(features[~late], paid[~late])
    shares = model.predict_proba(features[late])
    return shares.max(axis=1), ((shares[:, 1] > 0.5) != paid[late]).astype(np.float64)


def _claims() -> World | None:
    from benchmarks.claims_replay import find_published

    file = find_published()
    return None if file is None else claims_world(file)
