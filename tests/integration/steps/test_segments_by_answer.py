"""Segments that a model's answer is: each predicted class has a threshold of its own, and everything follows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aiops_flows.case_log import questions
from aiops_flows.case_log.writes import Reading
from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.losses import wrong
from aiops_flows.steps.certifying import Certificate, renew
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.quality import quality
from aiops_flows.steps.review import decide
from aiops_flows.steps.segments import stored_segments
from aiops_flows.steps.standing import watch_champion
from aiops_flows.steps.workspace import Workspace
from tests.at_work import LEARNED, install, run
from tests.parcels import PARCELS, make_outcomes, make_parcels

BY_ANSWER = replace(PARCELS, review=replace(PARCELS.review, segments="late", audit=0.2, audit_floor=3, max_error=0.15))


def put_to_work(place: Workspace, rows: int = 2_500) -> Certificate:
    """A world in which whoever is said to be late is in time as often as not: only "no" can be relied on."""
    history = make_parcels(rows, seed=1, prefix="H")
    truth = make_outcomes(history)
    spared = (truth["late"] == "yes") & (np.arange(rows) % 5 < 2)
    take_in(place, BY_ANSWER, history, history=True)
    record_outcomes(place, BY_ANSWER, truth.assign(late=truth["late"].mask(spared, "no")))
    for spec in BY_ANSWER.models:
        install(place, BY_ANSWER, spec)
    found = renew(place, BY_ANSWER, as_of=LEARNED)
    assert found is not None
    return found


def test_each_predicted_class_is_certified_decided_audited_and_told_apart(place: Workspace) -> None:
    """One class is decided from its own threshold up, the other goes to people; audits, watch and figures follow."""
    certificate = put_to_work(place)
    assert set(certificate.segments) == {"yes", "no"}
    assert certificate.segments["yes"].threshold is None
    floor = certificate.segments["no"].threshold
    assert floor is not None

    done = run(place, BY_ANSWER, make_parcels(300, seed=2))
    decided = done[done["verdict_by"] == "policy"]
    assert len(decided) > 20
    assert set(decided["late"]) == {"no"}
    assert decided["late_confidence"].min() >= floor
    sent = done[(done["late"] == "yes") & done["verdict"].isna()]
    assert sent["verdict_reason"].str.startswith("late 'yes' has no certified threshold: ").all()

    named = stored_segments(place, BY_ANSWER, done["case_id"].tolist())
    assert named.tolist() == done["late"].tolist()
    run(place, BY_ANSWER, make_parcels(50, seed=3))  # its audit lane counts what each stratum had before
    waiting = questions.open_reviews(place.log, "parcels", lane=True)["case_id"].tolist()
    decide(place, BY_ANSWER, waiting[0], verdict="yes", reason="looked", actor="ann", outcomes={"late": "yes"})
    told = questions.outcomes(place.log, "parcels", name="late", case_ids=waiting[:1])
    assert told["value"].tolist() == ["yes"]

    figures = {each.period: each for each in quality(place, BY_ANSWER, by="segment")}
    assert list(figures) == ["no", "yes", "total"]
    assert figures["yes"].decided == 0
    assert figures["no"].decided == figures["total"].decided
    assert figures["no"].read == 1
    assert sum(each.cases for name, each in figures.items() if name != "total") == figures["total"].cases
    assert {each.verdict for each in watch_champion(place, BY_ANSWER)} <= {"quiet", "too few", "not watched"}
    assert check_drift(place, BY_ANSWER)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reading_that_says_another_outcome_corrects_what_was_decided(place: Workspace) -> None:
    """Where the verdict is judged by outcomes, the reader says them; the verdict alone is no agreement."""
    judged = replace(BY_ANSWER, review=replace(BY_ANSWER.review, judged_by={"late": wrong}, audit=1.0))
    put_to_work(place)
    assert renew(place, judged, as_of=LEARNED) is not None
    run(place, judged, make_parcels(200, seed=2))
    first, second = questions.open_reviews(place.log, "parcels", lane=True)["case_id"].tolist()[:2]
    decided = questions.effective(place.log, "parcels", case_ids=[first])["verdict"].iloc[0]
    with pytest.raises(UseCaseError, match=r"'late'\] is missing"):
        decide(place, judged, first, verdict=decided, reason="looked", actor="ann")
    other = decide(place, judged, first, verdict=decided, reason="looked", actor="ann", outcomes={"late": "yes"})
    same = decide(place, judged, second, verdict=decided, reason="looked", actor="ann", outcomes={"late": "no"})
    assert isinstance(other, Reading)
    assert isinstance(same, Reading)
    assert (other.agreed, same.agreed) == (False, True)
    assert other.decision is not None
    assert (other.decision.verdict, other.decision.revision, same.decision) == (decided, 1, None)
    total = quality(place, judged)[-1]
    assert (total.read, total.error) == (2, 0.5)


def test_figures_by_segment_need_segments(place: Workspace) -> None:
    """A policy that names none is told so."""
    with pytest.raises(UseCaseError, match="names no segments"):
        quality(place, PARCELS, by="segment")


def test_a_policy_may_name_a_class_and_not_a_quantity() -> None:
    """What a regressor says is no segment; what no model says and no case has neither."""
    assert BY_ANSWER.review.segments == "late"
    with pytest.raises(UseCaseError, match="which is no class"):
        replace(PARCELS, review=replace(PARCELS.review, segments="cost"))


def test_one_certificate_for_all_would_let_the_unreliable_class_through() -> None:
    """The control: proved together, the reliable class pays for the unreliable one."""
    from aiops_flows.evidence.thresholds import certify_threshold

    random = np.random.default_rng(0)
    rows = pd.DataFrame({"said": random.choice(["a", "b"], 3_000, p=[0.9, 0.1]), "sure": random.random(3_000)})
    wrong = random.random(3_000) < np.where(rows["said"] == "a", 0.01, 0.3)
    together = certify_threshold(rows["sure"], wrong, max_error=0.05, confidence_level=0.9)
    assert together.threshold is not None
    mine = (rows["said"] == "b").to_numpy()
    alone = certify_threshold(rows["sure"][mine], wrong[mine], max_error=0.05, confidence_level=0.9)
    assert alone.threshold is None
