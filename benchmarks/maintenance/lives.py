"""Remaining life of engines (C-MAPSS FD001): how well it is told, and what servicing by it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from aiops_flows.evidence.thresholds import certify_threshold
from aiops_flows.use_case import quantile_column
from aiops_flows.work_orders import ExpectedSaving, FailureRisk, ServiceBy, WorkOrderCost
from benchmarks.maintenance.data import engine_looks, engines, latest_looks, remaining_at_the_end
from flows.machine_estimators import LEVELS, failure_risk, remaining_life

__all__ = ["lives"]

Floats = NDArray[np.float64]

LONGEST, WINDOW, LOOK = 125.0, 50, 10
"""Cycles: the cap of the remaining life (usual for these data), the window, and from one look to the next."""
_SERVICE = 1_000.0
_FAILURES = (5_000.0, 20_000.0)
_PROMISES = (0.003, 0.004, 0.005)
_FEATURES = ["sensors", "age"]


def lives(folder: Path) -> str:
    """All tables, as text."""
    cycles = engines(folder, "train")
    learned = engine_looks(cycles, every=2, longest=WINDOW)
    told = _told(learned, folder)
    answered = _answered(engine_looks(cycles, every=LOOK, longest=WINDOW), learned)
    return "\n\n".join([told, _serviced(answered), _certified(answered)])


def _told(learned: pd.DataFrame, folder: Path) -> str:
    """Test engines at their last row, beside the published figures."""
    model = remaining_life(LONGEST, WINDOW).fit(learned[[*_FEATURES, "machine"]], _capped(learned["left"]))
    last = latest_looks(engines(folder, "test"), longest=WINDOW)
    features, raw = last[[*_FEATURES, "machine"]], remaining_at_the_end(folder)
    said, quantiles, truth = model.predict(features), model.predict_quantiles(features), np.minimum(raw, LONGEST)
    error = said - raw
    score = np.where(error < 0, np.exp(-error / 13) - 1, np.exp(error / 10) - 1).sum()
    shares = {f"{high - low:.0%}": _inside(truth, quantiles, low, high) for low, high in ((0.1, 0.9), (0.05, 0.95))}
    covered = ", ".join(f"{share:.2f} of {name}" for name, share in shares.items())
    constant = np.sqrt(np.mean((truth - _capped(learned["left"]).mean()) ** 2))
    rows = [
        ("this", _root(said - truth), _root(error), f"{score:.0f}", covered),
        ("trees on rolling mean and deviation (README of the data)", "15.9", "17.1", "460", "none given"),
        ("LSTM (Zheng 2017, as cited there)", "", "16.1", "", ""),
        ("the mean of the training rows", f"{constant:.1f}", "", "", ""),
    ]
    head = ("model", "RMSE, capped at 125", "RMSE", "score of the PHM08 challenge", "inside the interval")
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def _answered(looks: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Every look at every training engine as models say that saw none of its rows: risk and quantiles."""
    found = []
    parts = GroupKFold(5, shuffle=True, random_state=0)
    for known, _ in parts.split(learned, groups=learned["machine"]):
        train = learned.iloc[known]
        rest = looks[~looks["machine"].isin(train["machine"])].reset_index(drop=True)
        risk = failure_risk(WINDOW).fit(train[_FEATURES], np.where(train["left"] <= LOOK, "yes", "no"))
        life = remaining_life(LONGEST, WINDOW).fit(train[[*_FEATURES, "machine"]], _capped(train["left"]))
        shares = risk.predict_proba(rest[_FEATURES])[:, 1]
        quantiles = life.predict_quantiles(rest[[*_FEATURES, "machine"]])
        names = [quantile_column("remaining", level) for level in LEVELS]
        ages = train.groupby("machine")["age"].max().to_numpy()
        found.append(
            rest[["machine", "age", "left"]].assign(
                failure=np.where(shares >= 0.5, "yes", "no"),
                failure_confidence=np.maximum(shares, 1 - shares),
                usual_life=ages.mean(),
                **{f"best_{failure:.0f}": _cheapest(ages, failure) for failure in _FAILURES},
                **dict(zip(names, quantiles.T, strict=True)),
            )
        )
    return pd.concat(found, ignore_index=True)


Rule = Callable[[pd.DataFrame, float], NDArray[np.bool_]]
"""Looks, what a failure costs more → whether each is the moment to service."""


def _by_saving(looks: pd.DataFrame, failure: float) -> NDArray[np.bool_]:
    return np.asarray(_savings(looks, failure) > 0)


def _by_quantiles(looks: pd.DataFrame, failure: float) -> NDArray[np.bool_]:
    due = np.asarray(ServiceBy(service=_SERVICE, failure=failure)(looks), dtype=np.float64)
    return np.asarray(due < looks["age"] + LOOK)


def _fixed(looks: pd.DataFrame, failure: float) -> NDArray[np.bool_]:
    """Replacement at the age that was cheapest for the engines of the other parts."""
    return np.asarray(looks["age"] >= looks[f"best_{failure:.0f}"])


def _cheapest(lives: NDArray[np.int64], failure: float) -> int:
    ages = np.arange(LOOK, int(lives.max()) + LOOK, LOOK)
    rates = [(_SERVICE + failure * (lives <= age).mean()) / np.minimum(lives, age).mean() for age in ages]
    return int(ages[int(np.argmin(rates))])


def _savings(looks: pd.DataFrame, failure: float) -> Floats:
    early = (_SERVICE * LOOK / looks["usual_life"]).to_numpy()
    frame = looks.assign(risk=FailureRisk()(looks), failure_cost=failure, early_cost=early)
    return ExpectedSaving()(frame)


def _serviced(answered: pd.DataFrame) -> str:
    """Each engine followed from look to look until a rule has it serviced, or it fails."""
    rules: dict[str, Rule] = {
        "run to failure": lambda looks, _: np.zeros(len(looks), dtype=bool),
        "fixed interval, the best of the other engines": _fixed,
        "expected saving at each look (risk)": _by_saving,
        "service_by at each look (quantiles of the remaining life)": _by_quantiles,
        "perfect foresight": lambda looks, _: np.asarray(looks["left"] <= LOOK),
    }
    heads = [f"a failure costs {failure:,.0f} EUR more" for failure in _FAILURES]
    lines = [f"| rule | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    looks = answered[answered["left"] > 0]
    whole = (answered["age"] + answered["left"]).groupby(answered["machine"]).first()
    for name, rule in rules.items():
        told = []
        for failure in _FAILURES:
            due = looks[rule(looks, failure)].groupby("machine")["age"].min().reindex(whole.index)
            failed = due.isna()
            cost = len(whole) * _SERVICE + failed.sum() * failure
            told.append(f"{1_000 * cost / due.fillna(whole).sum():,.0f} ({failed.sum()} failed)")
        lines.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(lines)


def _certified(answered: pd.DataFrame, resplits: int = 400) -> str:
    """How often a certificate that rests on half of the engines lets through more than promised, on all of them."""
    failure = _FAILURES[0]
    frame = answered.assign(saving=_savings(answered, failure), failure_cost=failure)
    frame["early_cost"] = _SERVICE * LOOK / answered["usual_life"]
    truth = np.where(answered["left"] <= LOOK, "yes", "no").astype(object)
    loss, sure = WorkOrderCost()(frame, truth) / failure, frame["failure_confidence"].to_numpy()
    lines = [
        "| promise: at most lost a look, 90 % sure | decided by policy | promise broken | broken, rule of thumb |",
        "|---|---|---|---|",
    ]
    for promise in _PROMISES:
        decided, broken, plugged = np.mean(_resplit(frame["machine"], sure, loss, promise, resplits), axis=0)
        lines.append(f"| {promise:.1%} of a failure | {decided:.2f} | {broken:.3f} | {plugged:.3f} |")
    return "\n".join(lines)


def _resplit(machines: pd.Series, sure: Floats, loss: Floats, promise: float, resplits: int) -> list[Floats]:
    """For each half of the engines: the share decided, whether the promise is broken, and so by the plain mean."""
    random, names = np.random.default_rng(0), machines.unique()
    found = []
    for _ in range(resplits):
        half = machines.isin(random.permutation(names)[: len(names) // 2]).to_numpy()
        certified = certify_threshold(sure[half], loss[half], max_error=promise, confidence_level=0.9).threshold
        above = sure >= (np.inf if certified is None else certified)
        order = np.argsort(-sure[half], kind="stable")
        running = np.cumsum(loss[half][order]) / np.arange(1, len(order) + 1)
        good = np.flatnonzero(running <= promise)
        naive = sure >= (sure[half][order][good[-1]] if len(good) else np.inf)
        worse = [bool(rows.any()) and loss[rows].mean() > promise for rows in (above, naive)]
        found.append(np.array([above.mean(), *worse], dtype=np.float64))
    return found


def _capped(left: pd.Series) -> Floats:
    capped: Floats = np.minimum(left.to_numpy(dtype=np.float64), LONGEST)
    return capped


def _root(errors: Floats) -> str:
    return f"{np.sqrt(np.mean(errors**2)):.1f}"


def _inside(truth: Floats, quantiles: Floats, low: float, high: float) -> float:
    below, above = (quantiles[:, LEVELS.index(level)] for level in (low, high))
    return float(((truth >= below) & (truth <= above)).mean())
