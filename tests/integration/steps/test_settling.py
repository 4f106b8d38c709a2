"""Reviews of cases that another system has settled can be closed, without a verdict, an effect or a figure."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from aiops_flows.case_log import questions
from aiops_flows.effects import Effect
from aiops_flows.errors import UseCaseError
from aiops_flows.review_policy import SETTLED_ELSEWHERE, ReviewPolicy
from aiops_flows.steps import outbox
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.quality import quality
from aiops_flows.steps.review import decide, review
from aiops_flows.steps.reviewers import reviewers
from aiops_flows.steps.settling import Settled, settle_elsewhere, settled_elsewhere
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_parcels

NOTIFIED = replace(PARCELS, effects=[Effect("notify", lambda parcel: {"parcel": parcel["case_id"]})])


@pytest.fixture
def waiting(place: Workspace) -> Workspace:
    """Ten parcels wait for a person; of the first four it is known by now whether they were late."""
    cases = take_in(place, NOTIFIED, make_parcels(10, seed=1, prefix="P"))
    for spec in NOTIFIED.models:
        cases = predict(place, NOTIFIED, spec, cases)
    review(place, NOTIFIED, cases)
    ids = sorted(cases["case_id"])
    record_outcomes(place, NOTIFIED, pd.DataFrame({"case_id": ids[:4], "late": ["yes", "no", "no", "yes"]}))
    return place


def test_what_was_settled_elsewhere_is_shown_and_closed_once(waiting: Workspace) -> None:
    """Only reviews whose outcome is known; the others wait on; closing again closes nothing."""
    counts = questions.counts(waiting.log, NOTIFIED.name).iloc[0]
    assert (counts["waiting"], counts["waiting_with_outcome"]) == (10, 4)
    listed = questions.open_reviews(waiting.log, NOTIFIED.name)
    assert int(listed["outcome_known"].astype(bool).sum()) == 4

    ids = settled_elsewhere(waiting, NOTIFIED)["case_id"].tolist()
    done = settle_elsewhere(waiting, NOTIFIED, reason="closed in the parcel system", actor="lead")
    assert done == Settled(closed=4, answered_meanwhile=0)
    assert settle_elsewhere(waiting, NOTIFIED, reason="again", actor="lead") == Settled(0, 0)

    effective = questions.effective(waiting.log, NOTIFIED.name, case_ids=ids)
    assert set(effective["verdict"]) == {SETTLED_ELSEWHERE}
    assert questions.counts(waiting.log, NOTIFIED.name).iloc[0]["waiting"] == 6


def test_no_effect_and_no_figure_of_people_follows(waiting: Workspace) -> None:
    """The notice goes out for the parcel that a person decided, and only that answer is counted as theirs."""
    settle_elsewhere(waiting, NOTIFIED, reason="closed in the parcel system", actor="lead")
    open_now = questions.open_reviews(waiting.log, NOTIFIED.name)["case_id"].tolist()
    decide(waiting, NOTIFIED, open_now[0], verdict="yes", reason="seen", actor="reviewer")

    outbox.plan(waiting, NOTIFIED)
    assert questions.counts(waiting.log, NOTIFIED.name).iloc[0]["effects_waiting"] == 1
    assert [(each.name, each.answers) for each in reviewers(waiting, NOTIFIED)] == [("reviewer", 1)]
    assert quality(waiting, NOTIFIED)[-1].cases == 10


def test_a_case_that_cannot_be_closed_is_refused(waiting: Workspace) -> None:
    """Its outcome is not known, or nobody says why."""
    unknown = set(questions.open_reviews(waiting.log, NOTIFIED.name)["case_id"])
    unknown -= set(settled_elsewhere(waiting, NOTIFIED)["case_id"])
    with pytest.raises(UseCaseError, match="its outcome of late must be recorded"):
        settle_elsewhere(waiting, NOTIFIED, reason="x", actor="lead", case_ids=sorted(unknown)[:1])
    with pytest.raises(UseCaseError, match="one of them is empty"):
        settle_elsewhere(waiting, NOTIFIED, reason=" ", actor="lead")
    with pytest.raises(UseCaseError, match="settled in another system"):
        ReviewPolicy(verdicts=["yes", SETTLED_ELSEWHERE])
