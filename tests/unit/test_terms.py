"""Terms: what a decision says beyond its verdict, computed from the case and the predictions alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.answers import Scored
from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.gates import judge
from aiops_flows.steps.comparing import scaled_losses
from aiops_flows.steps.costs import case_costs, costs_of, said_frame
from aiops_flows.steps.rows import Labelled
from aiops_flows.steps.terms import term_texts, terms_of, with_terms
from aiops_flows.steps.verdicts import needs_cases, rule_verdicts, verdict_loss
from aiops_flows.use_case import Gate, UseCase
from tests.crates import CRATES, Lost, Upto, demand, make_crates, make_demand

CASES = pd.DataFrame(
    {
        "case_id": ["a", "b", "c"],
        "usual": [100.0, 100.0, 100.0],
        "wild": 1.0,
        "region": "north",
        "demand": [90.2, np.nan, 200.0],
        "demand_q75": [95.5, np.nan, 301.0],
    }
)
TRUTH = {"demand": [96.0, 50.0, 301.0]}
Term = Callable[[pd.DataFrame], Any]


def with_term(**terms: Term) -> UseCase:
    return replace(CRATES, terms=terms, review=replace(CRATES.review, auto={}))


def test_each_term_sees_those_before_it() -> None:
    """And none where a prediction is missing."""
    terms = terms_of(CRATES, CASES)
    assert terms["order"].tolist()[::2] == [96.0, 301.0]
    assert np.isnan(terms["order"].iloc[1])
    assert terms["dear"].tolist() == [False, False, True]
    assert terms.equals(terms_of(CRATES, terms_and(CASES)))


def terms_and(cases: pd.DataFrame) -> pd.DataFrame:
    return with_terms(CRATES, cases).assign(order=-1.0)


def test_the_text_of_a_case_does_not_depend_on_the_others() -> None:
    """Whole numbers are written as such, whether others of the frame have none or are no wholes."""
    together = term_texts(CRATES, with_terms(CRATES, CASES))
    alone = [term_texts(CRATES, with_terms(CRATES, CASES.iloc[[at]]))[0] for at in range(3)]
    assert (
        together == alone == ['{"order":96,"dear":false}', '{"order":null,"dear":false}', '{"order":301,"dear":true}']
    )
    assert term_texts(replace(CRATES, terms={}, review=replace(CRATES.review, auto={})), CASES) == [None] * 3


def test_terms_are_plain_values() -> None:
    """A moment is ISO text, a number that is not finite is missing, and so is a term that fails on its row."""
    day = datetime(2026, 3, 1, tzinfo=UTC)
    use_case = with_term(
        day=lambda crates: [day] * len(crates),
        whole=lambda crates: np.full(len(crates), np.inf),
        inverse=lambda crates: [1 / (usual - 100) for usual in crates["usual"]],
        word=lambda crates: ["x", None, "y"][: len(crates)],
    )
    terms = terms_of(use_case, CASES)
    assert terms["day"].iloc[0] == "2026-03-01T00:00:00+00:00"
    assert terms[["whole", "inverse"]].isna().all(axis=None)
    assert terms["word"].tolist() == ["x", None, "y"]
    with pytest.raises(UseCaseError, match="2 values for 3 cases"):
        terms_of(with_term(short=lambda _: [1, 2]), CASES)


def test_terms_need_no_other_model() -> None:
    """Where a model has not been asked, its columns are missing to the terms, not absent."""
    assert terms_of(CRATES, CASES[["case_id", "usual"]])["order"].isna().all()


def test_rules_see_terms_and_nobody_else_writes_them() -> None:
    """A column of that name in the frame is not believed."""
    verdicts, ruled = rule_verdicts(CRATES, CASES.assign(order=0.0))
    assert verdicts.tolist() == ["release", None, None]
    assert ruled.tolist() == [True, False, False]


def test_a_policy_with_other_terms_is_another_one() -> None:
    """What an order says is part of what was certified."""
    without = replace(CRATES, terms={}, review=replace(CRATES.review, auto={}))
    other = replace(without, terms={"order": Upto("demand_q90")})
    same = replace(without, terms={"order": Upto()})
    again = replace(without, terms={"order": Upto()})
    assert len({each.review.version for each in (without, other, same)}) == 3
    assert same.review.version == again.review.version
    assert replace(same, terms={}).review.version == without.review.version
    dear, cheap = (
        replace(without, review=replace(without.review, judged_by={"demand": share_of_worst(Lost(price), "usual")}))
        for price in (3.0, 1.0)
    )
    assert dear.review.version != cheap.review.version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terms": {"usual": Upto()}}, "columns already"),
        ({"terms": {"verdict": Upto()}}, "columns already"),
        ({"terms": {"demand_q10": Upto()}}, "columns already"),
        ({"terms": {"order": 3}}, "cannot be called"),
        ({"cut": "colour"}, "no field of Crate"),
        ({"models": [replace(demand, scale="colour")]}, r"uses \['colour'\]"),
        ({"models": [replace(demand, watched_by="colour")]}, r"uses \['colour'\]"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    """Terms are new columns, and what a model counts, cuts or watches by is a column of the case."""
    with pytest.raises(UseCaseError, match=message):
        replace(CRATES, **change)


@pytest.mark.parametrize(("metric", "lacking"), [("mean_cost", "cost"), ("mean_scaled_error", "scale")])
def test_a_gate_names_what_its_model_has(metric: str, lacking: str) -> None:
    """A gate on cost needs a cost, one on scaled errors a scale."""
    with pytest.raises(UseCaseError, match=metric):
        replace(demand, gates=[Gate(metric, at_most=1.0)], **{lacking: None})  # type: ignore[arg-type]


def test_a_loss_of_cases_is_a_share_of_the_worst() -> None:
    """The cost of the term that was decided; what is missing costs 1, what is dearer than the worst too."""
    assert needs_cases(CRATES)
    losses = verdict_loss(CRATES, ["release"] * 3, CASES, TRUTH)
    assert losses.tolist() == [0.0, 1.0, 0.0]
    decided = CASES.assign(order=[106.0, 50.0, 271.0], dear=False)
    assert verdict_loss(CRATES, ["release"] * 3, {}, TRUTH, decided).tolist() == pytest.approx([0.1, 0.0, 0.9])
    with pytest.raises(UseCaseError, match="as cases="):
        verdict_loss(CRATES, ["release"] * 3, {"demand": [1, 2, 3]}, TRUTH)


def test_the_worst_is_a_number_a_column_or_a_function() -> None:
    """And above 0; where it is not known, the loss is 1."""
    cases, truth = CASES.assign(order=[106.0, 60.0, 301.0]), np.array(TRUTH["demand"])
    for worst in (100.0, "usual", lambda crates: crates["usual"]):
        assert share_of_worst(Lost(), worst).of_cases(cases, truth).tolist() == [0.1, 0.1, 0.0]
    assert share_of_worst(Lost(), "wild").of_cases(cases.assign(wild=0.0), truth).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="above 0"):
        share_of_worst(Lost(), 0.0)
    with pytest.raises(ValueError, match="of_cases"):
        share_of_worst(Lost(), 1.0)([1.0], [1.0])


def test_scaled_losses_tell_small_series_from_large_ones() -> None:
    """As far off as the scale costs a half; a truth of nothing no more than another; what is missing costs 1."""
    answers = pd.DataFrame({"value": [110.0, 5.0, np.nan, 1.0], "truth": [100.0, 0.0, 1.0, 1.0]})
    assert scaled_losses(answers, "", np.array([10.0, 5.0, 1.0, 0.0])).tolist() == [0.5, 0.5, 1.0, 1.0]


# --- gates on cost ----------------------------------------------------------------------------------------------------

ROWS = make_crates(400, seed=5)
ASKED = make_demand(ROWS)
JUDGING = Labelled(ROWS, ASKED["demand"].to_numpy(), "", ASKED["known_at"])
COSTS = costs_of(CRATES, demand, JUDGING)


def said(noise: float, **changes: Any) -> Scored:
    """A model that is off by so much, with quantiles that know it."""
    values = JUDGING.truth + noise * np.random.default_rng(1).normal(size=400)
    spread = noise * np.array([-1.28, -0.67, 0.0, 0.67, 1.28])
    found = Scored(values, quantiles=values[:, None] + spread, levels=demand.quantiles, scales=ROWS["usual"].to_numpy())
    assert COSTS is not None
    return replace(found, **({"costs": COSTS(found, np.ones(400))} | changes))


def passed(gate: Gate, challenger: Scored, champion: Scored | None = None, baseline: float = 60.0) -> bool | None:
    spec = replace(demand, gates=[gate])
    naive = Scored(np.full(400, baseline), costs=COSTS(Scored(np.full(400, baseline)), np.ones(400)) if COSTS else None)
    return judge(spec, JUDGING.truth, challenger, champion, naive, {}, 0.0, None, cases=ROWS)[0].passed


@pytest.mark.parametrize(
    "gate",
    [
        Gate("mean_cost", max_drop=1.0, beats_baseline=True),
        Gate("mean_cost", max_drop=1.0, by="region"),
        Gate("pinball_loss", max_drop=0.5),
        Gate("coverage_error", at_most=0.1),
        Gate("mean_scaled_error", max_drop=0.01),
    ],
)
def test_gates_on_cost_and_quantiles_open_for_the_better_alone(gate: Gate) -> None:
    """A better challenger passes; a worse one, one that promises too much, and one without the figure do not."""
    assert passed(gate, said(5.0), said(8.0))
    worse = said(40.0)
    assert worse.quantiles is not None
    sure = replace(worse, quantiles=np.repeat(worse.quantiles[:, [2]], 5, axis=1))  # as if it knew exactly
    assert not passed(gate, sure, said(8.0))
    assert not passed(gate, said(5.0, quantiles=None, levels=(), costs=None, scales=None), said(8.0))


def test_a_cost_does_with_the_value_where_there_are_no_quantiles() -> None:
    """A baseline is held against the challenger in money; a cost that fails is told without its words."""
    frame = said_frame(demand, ROWS, Scored(np.full(400, 100.0)), np.full(400, np.nan))
    assert list(frame.columns[-9:]) == demand.added_columns
    assert case_costs(CRATES, demand, frame, JUDGING.truth).sum() > 0
    broken = replace(demand, cost=lambda crates, _: crates["colour"])
    with pytest.raises(UseCaseError, match="failed with KeyError"):
        case_costs(CRATES, broken, frame, JUDGING.truth)
    short = replace(demand, cost=lambda crates, _: crates["usual"][:3])
    with pytest.raises(UseCaseError, match="one a row"):
        case_costs(CRATES, short, frame, JUDGING.truth)
