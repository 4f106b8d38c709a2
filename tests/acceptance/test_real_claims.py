"""The published claims through the library: a year of history, then two months as deployed, with one retraining."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aiops_flows.case_log import audit, promotions, questions, versions
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.rows import learned_rows
from aiops_flows.steps.workspace import Workspace
from benchmarks.claims_figures import DEPLOYED, amount_figures, answered, automatic_figures, paid_figures
from benchmarks.claims_replay import PUBLISHED, Replay, Stream, find_published, replay, utc, workspace_in
from flows.claims import CLAIMS

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(find_published() is None, reason=f"AIOPS_SHARED_DATA names no folder that holds {PUBLISHED}"),
]

START, END = utc("2011-01-01"), utc("2011-03-01")


@pytest.fixture(scope="module")
def stream() -> Stream:
    """The published claims, in order of receipt."""
    file = find_published()
    assert file is not None
    return Stream.read(file)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("claims")


@pytest.fixture(scope="module")
def replayed(home: Path, stream: Stream) -> Iterator[tuple[Workspace, Replay]]:
    """The claims of 2010 as history, those of January and February 2011 as they came."""
    with workspace_in(home) as place:
        yield (
            place,
            replay(place, stream, history_from=utc("2010-01-01"), start=START, end=END, every=timedelta(days=31)),
        )


def test_every_published_row_is_stored_but_the_one_that_is_no_claim(tmp_path: Path, stream: Stream) -> None:
    """Of 41,598 rows 41,597 are accepted, and one goes to quarantine with the reason."""
    with workspace_in(tmp_path) as place:
        taken = take_in(place, CLAIMS, stream.claims, history=True)
        refused = questions.quarantine(place.log, CLAIMS.name)
        assert (len(stream.claims), len(taken), len(refused)) == (41_598, 41_597, 1)
        assert refused["reason"].str.len().gt(0).all()
        assert audit.verify(place.log) == []


def test_every_claim_that_came_is_decided_or_asked_about(replayed: tuple[Workspace, Replay], stream: Stream) -> None:
    """Each claim received while it ran has one decision or one open review, and the record holds."""
    place, done = replayed
    came = set(stream.between(START, END)["Claim Number"]) & done.accepted
    decided = set(questions.effective(place.log, CLAIMS.name)["case_id"])
    asked = set(questions.open_reviews(place.log, CLAIMS.name, lane=False)["case_id"])
    assert (decided | asked, decided & asked) == (came, set())
    assert audit.check_invariants(place.log) == []
    assert audit.verify(place.log) == []


def test_both_models_are_trained_twice_and_answer_by_their_gates(replayed: tuple[Workspace, Replay]) -> None:
    """The first challengers become champions; the second ones do, or are refused with reasons."""
    place, done = replayed
    assert [each.action for each in done.retrainings[:2]] == ["promoted", "promoted"]
    assert all(each.action == "promoted" or each.reasons for each in done.retrainings)
    for spec in CLAIMS.models:
        assert len(promotions.history(place.log, CLAIMS.name, spec.name)) == 2


def test_nothing_is_learned_before_it_is_known(replayed: tuple[Workspace, Replay]) -> None:
    """Every version learned from claims received, and from outcomes known, before its training only."""
    place, done = replayed
    for each in done.retrainings:
        spec, record = CLAIMS.model(each.model), versions.get(place.log, CLAIMS.name, each.model, each.version)
        learned = learned_rows(place, CLAIMS, spec, record.learned)
        known = questions.outcomes(place.log, CLAIMS.name, name=spec.output).set_index("case_id")["known_at"]
        assert len(learned) == each.rows > 1_000
        assert learned.cases["received_at"].max() < each.at
        assert known[learned.cases["case_id"]].max() <= each.at


def test_what_was_said_is_better_than_saying_the_same_of_every_claim(replayed: tuple[Workspace, Replay]) -> None:
    """Paid claims are told from denied ones, and amounts from their mean, on claims the models had not seen."""
    place, done = replayed
    claims = answered(place, done, START).claims
    paid, amounts = paid_figures(claims, DEPLOYED), amount_figures(claims, DEPLOYED)
    constant = amount_figures(claims, "constant: mean so far")
    share = paid["paid_share"]
    assert paid["auc"] > 0.6
    assert paid["brier"] < share * (1 - share)
    assert amounts["mean_absolute_error"] < constant["mean_absolute_error"]
    assert automatic_figures(claims)["claims"] == len(claims)
