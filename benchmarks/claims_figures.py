"""The figures of a replay of the published claims, taken from its case log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, roc_auc_score

from aiops_flows.case_log import promotions, questions, versions
from aiops_flows.evidence import calibration_error, exact_interval
from aiops_flows.steps.certifying import rule_verdicts
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.inference import answer, predict_with
from aiops_flows.steps.rows import labelled_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec
from benchmarks.claims_replay import Replay, utc
from flows.claims import CLAIMS, amount, disposition

__all__ = [
    "DEPLOYED",
    "Answered",
    "Figures",
    "amount_figures",
    "answered",
    "automatic_figures",
    "paid_figures",
    "unseen_by_quarter",
]

DEPLOYED, FROZEN = "as deployed", "the first champion, frozen"
TWO_YEARS, NEXT_YEARS = "2010-11, labels whenever known", "2011-12, labels whenever known"
MEAN, MEDIAN = "constant: mean so far", "constant: median so far"
_LEARNED_WHENEVER = {TWO_YEARS: ("2010-01-01", "2012-01-01"), NEXT_YEARS: ("2011-01-01", "2013-01-01")}

Figures = Mapping[str, float | None]
"""Figures by name; None where there is nothing to measure."""


@dataclass(frozen=True)
class Answered:
    """Every claim received while the replay ran, a row each: what was said of it, decided, and turned out true."""

    claims: pd.DataFrame
    """``received_at``; ``disposition`` and ``amount`` (missing where never told); ``verdict`` (missing where a person
    was asked); for each way of predicting ``paid: {way}`` and ``amount: {way}`` (missing where it does not apply)."""

    def ways(self, what: str) -> list[str]:
        """The ways in which it was predicted whether claims are paid (``paid``), or how much (``amount``)."""
        return [name.split(": ", 1)[1] for name in self.claims.columns if name.startswith(f"{what}: ")]

    def of(self, year: int) -> pd.DataFrame:
        """The claims received in a year."""
        chosen: pd.DataFrame = self.claims[self.claims["received_at"].dt.year == year]
        return chosen


def answered(place: Workspace, done: Replay, start: pd.Timestamp) -> Answered:
    """What the case log tells of the claims received since the start of a replay, and what other ways had said."""
    stored = questions.cases(place.log, CLAIMS.name, received_from=start.to_pydatetime())
    claims = stored_frame(CLAIMS.case, stored)
    found = claims.set_index("case_id")[["received_at"]]
    for spec in CLAIMS.models:
        truth = questions.outcomes(place.log, CLAIMS.name, name=spec.output).set_index("case_id")
        found[spec.output] = truth["value"].reindex(found.index)
    found["verdict"] = questions.effective(place.log, CLAIMS.name).set_index("case_id")["verdict"].reindex(found.index)
    for spec, name in ((disposition, "paid"), (amount, "amount")):
        found[f"{name}: {DEPLOYED}"] = _deployed(place, spec).reindex(found.index)
        found[f"{name}: {FROZEN}"] = _said(spec, _first_champion(place, spec), claims)
        for way, (first, last) in _LEARNED_WHENEVER.items():
            later = claims["received_at"] >= utc(last)
            if later.any():
                learned = _said(spec, _learned_whenever(place, spec, first, last), claims)
                found[f"{name}: {way}"] = np.where(later, learned, np.nan)
    found[[f"amount: {MEAN}", f"amount: {MEDIAN}"]] = _constants(place, done, claims["received_at"])
    return Answered(found)


def _deployed(place: Workspace, spec: ModelSpec) -> pd.Series[float]:
    """What the champion of the time said when the claim came, by case id."""
    said = questions.predictions(place.log, CLAIMS.name, model=spec.name).set_index("case_id")
    if spec.kind == "regressor":
        return said["value"].astype("float64")
    return said["scores"].map(lambda scores: 1 - json.loads(scores)["deny"])


def _said(spec: ModelSpec, fitted: Any, claims: pd.DataFrame) -> NDArray[np.float64]:
    """The probability of being paid, or the amount, by one fitted estimator."""
    said = answer(spec, fitted, claims)
    if said.scores is None:
        return np.array(said.values, dtype=np.float64)
    return np.array([1 - json.loads(scores)["deny"] for scores in said.scores])


def _first_champion(place: Workspace, spec: ModelSpec) -> Any:
    history = promotions.history(place.log, CLAIMS.name, spec.name)
    version = int(history.loc[history["action"] == "promote", "version"].iloc[0])
    return place.registry.load(spec.name, version, versions.get(place.log, CLAIMS.name, spec.name, version).digest)


def _learned_whenever(place: Workspace, spec: ModelSpec, first: str, last: str) -> Any:
    """The same estimator, but learned from every claim of two years, even if its outcome was known only later."""
    received = {"received_from": utc(first).to_pydatetime(), "received_before": utc(last).to_pydatetime()}
    rows = questions.labelled(place.log, CLAIMS.name, name=spec.output, **received)
    cases = stored_frame(CLAIMS.case, rows)[list(spec.features)]
    return clone(spec.estimator).fit(cases, np.array(rows["value"].tolist()))


def _constants(place: Workspace, done: Replay, received: pd.Series[pd.Timestamp]) -> NDArray[np.float64]:
    """Mean and median of the amounts known at the last training before each claim, in the window of the model."""
    rows = questions.labelled(place.log, CLAIMS.name, name=amount.output)
    values = rows["value"].astype("float64")
    trained = sorted({each.at for each in done.retrainings if each.model == amount.name})
    constants = np.full((len(received), 2), np.nan)
    for moment in trained:
        window_begins = moment - amount.train_window if amount.train_window else utc("1970-01-01")
        known = (rows["known_at"] <= moment) & (rows["received_at"] >= window_begins)
        constants[(received >= moment).to_numpy()] = values[known].mean(), values[known].median()
    return constants


def paid_figures(claims: pd.DataFrame, way: str) -> dict[str, float]:
    """How well the probability of being paid ranks, and how far it is from what happened."""
    told = claims[claims["disposition"].notna() & claims[f"paid: {way}"].notna()]
    if told.empty:
        return {"claims": 0}
    paid, said = (told["disposition"] != "deny").to_numpy(dtype=int), told[f"paid: {way}"].to_numpy(dtype=float)
    return {
        "claims": len(told),
        "paid_share": float(paid.mean()),
        "auc": float(roc_auc_score(paid, said)),
        "brier": float(brier_score_loss(paid, said)),
        "ece": calibration_error(paid, said),
    }


def amount_figures(claims: pd.DataFrame, way: str) -> dict[str, float]:
    """How far the expected amounts are from those paid, in US dollars; denied claims are paid 0."""
    told = claims[claims["amount"].notna() & claims[f"amount: {way}"].notna()]
    if told.empty:
        return {"claims": 0}
    paid, said = told["amount"].to_numpy(dtype=float), told[f"amount: {way}"].to_numpy(dtype=float)
    return {
        "claims": len(told),
        "mean_absolute_error": float(np.abs(paid - said).mean()),
        "root_mean_squared_error": float(np.sqrt(((paid - said) ** 2).mean())),
        "bias": float((said - paid).mean()),
        "total_ratio": float(said.sum() / paid.sum()),
    }


def automatic_figures(claims: pd.DataFrame) -> Figures:
    """How many claims were decided without a person, and how many of those wrongly, by what became of them."""
    decided = claims[claims["verdict"].notna()]
    told = decided[decided["disposition"].notna()]
    wrong = int((told["verdict"] != told["disposition"]).sum())
    sure = exact_interval(wrong, len(told)) if len(told) else None
    return {
        "claims": len(claims),
        "decided": len(decided),
        "coverage": len(decided) / len(claims) if len(claims) else None,
        "coverage_of_told": float(len(told) / max(1, claims["disposition"].notna().sum())),
        "told": len(told),
        "wrong": wrong,
        "error": wrong / len(told) if len(told) else None,
        "error_low": sure.low if sure else None,
        "error_high": sure.high if sure else None,
        **_by_verdict(decided["verdict"].value_counts().to_dict()),
    }


def _by_verdict(counted: Mapping[Any, int]) -> Figures:
    return {f"decided_{verdict}": int(counted.get(verdict, 0)) for verdict in CLAIMS.review.auto}


def unseen_by_quarter(place: Workspace, done: Replay) -> dict[str, Figures]:
    """What the first champions would decide under their first certificate, by quarter of receipt, and how wrongly.

    Only on claims that no model ever learns from or is judged on (the part that certifies), by all outcomes there are;
    so it shows how claims change under one unchanged model.
    """
    ever = (questions.labelled(place.log, CLAIMS.name, name=disposition.output)["known_at"].max()).to_pydatetime()
    rows = labelled_rows(place, CLAIMS, disposition, as_of=ever, part="certify")
    said = rows.cases
    for spec in CLAIMS.models:
        said = predict_with(spec, _first_champion(place, spec), 1, said)
    verdicts, ruled = rule_verdicts(CLAIMS, said)
    sure = said[f"{disposition.output}_confidence"].to_numpy() >= done.certificates[0]["threshold"]
    claims = pd.DataFrame({"received_at": said["received_at"], "disposition": rows.truth})
    claims["verdict"] = pd.Series(verdicts, dtype=object).where(ruled & sure, None)
    quarters = claims["received_at"].dt.strftime("%Y Q") + claims["received_at"].dt.quarter.astype(str)
    return {str(quarter): automatic_figures(part) for quarter, part in claims.groupby(quarters)}
