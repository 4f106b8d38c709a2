"""Batches whose worker ended: taken over at once, worked on alone, halved, and the case that ends workers set aside."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.case_log import Lease, leases, noticing, questions
from aiops_flows.errors import BatchBusy, LeaseLost
from aiops_flows.settings import Settings
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.owners import is_gone, this_process
from aiops_flows.steps.review import review
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_parcels


def an_ended_process() -> str:
    """The owner of leases of a process of this machine that has ended."""
    here, number = this_process(), ""
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    number = done.stdout.strip()
    host, _, rest = here.partition(":")
    return f"{host}:{number}:{rest.partition(':')[2]}"


def held_by(place: Workspace, cases: pd.DataFrame, owner: str) -> None:
    """Somebody else has the batch of these cases in hand, for a long time."""
    for lease in {Lease.parse("parcels", token) for token in cases["batch"]}:
        leases.release(place.log, lease)
        leases.claim(place.log, "parcels", lease.batch_id, source="", owner=owner, seconds=1_000)


def worked(place: Workspace, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with predictions and verdicts."""
    for spec in PARCELS.models:
        cases = predict(place, PARCELS, spec, cases)
    return review(place, PARCELS, cases)


@pytest.fixture
def hasty(place: Workspace) -> Workspace:
    """The workspace with leases of a tenth of a second."""
    return replace(place, settings=Settings(home=place.settings.home, lease_seconds=0.1))


def test_an_ended_process_is_known_to_be_gone() -> None:
    """One of this machine that ended is gone; this one, and those of other machines, are not known to be."""
    assert is_gone(an_ended_process())
    assert not is_gone(this_process())
    assert not is_gone("elsewhere:1:00000000")
    assert not is_gone(an_ended_process().rpartition(":")[0] + ":00000000")
    assert not is_gone("somebody")


def test_the_batch_of_an_ended_process_is_taken_over_at_once(place: Workspace) -> None:
    """The same command finishes: nobody waits for the lease of a process that was killed on this machine."""
    parcels = make_parcels(10)
    held_by(place, take_in(place, PARCELS, parcels), an_ended_process())
    again = take_in(place, PARCELS, parcels)
    assert len(again) == 10
    worked(place, again)
    assert questions.counts(place.log, "parcels")["unfinished"].tolist() == [0]


def test_the_batch_of_a_live_process_is_waited_for_in_vain(hasty: Workspace) -> None:
    """Of a worker that may live the batch is not taken before its lease runs out."""
    parcels = make_parcels(3)
    held_by(hasty, take_in(hasty, PARCELS, parcels), "elsewhere:1:00000000")
    with pytest.raises(BatchBusy, match="held by elsewhere"):
        take_in(hasty, PARCELS, parcels)


def test_an_inbox_brings_along_what_an_ended_process_left(place: Workspace, tmp_path: Path) -> None:
    """Its lease need not run out, and its token is worth nothing any more."""
    left = take_in(place, PARCELS, make_parcels(5))
    held_by(place, left, an_ended_process())
    found = take_in(place, PARCELS, tmp_path)
    assert set(found["case_id"]) == set(left["case_id"])
    with pytest.raises(LeaseLost):
        review(place, PARCELS, _silent(left))
    worked(place, found)
    assert take_in(place, PARCELS, tmp_path).empty


def _silent(cases: pd.DataFrame) -> pd.DataFrame:
    """Cases of which no model said anything."""
    for spec in PARCELS.models:
        nothing = pd.Series([None] * len(cases), index=cases.index, dtype=object)
        cases = cases.assign(
            **{spec.output: nothing, f"{spec.output}_confidence": nothing.astype(float)},
            **{f"{spec.output}_version": nothing.astype("Int64"), f"{spec.output}_note": nothing},
        )
    return cases


def end_of_a_run(place: Workspace) -> None:
    """Whoever holds batches has ended."""
    gone = an_ended_process()
    with place.log.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE batches SET owner = '{gone}' WHERE state = 'open' AND expires > 1")


class EndOfProcess(BaseException):
    """Stands for a process that ends here."""


def test_history_is_never_left_behind(hasty: Workspace, tmp_path: Path) -> None:
    """A process that ends while it takes in decided cases leaves none that a worker would decide again."""
    small = replace(hasty, settings=hasty.settings.model_copy(update={"batch_size": 2}))
    commits = 0

    def told(happening: str) -> None:
        nonlocal commits
        commits += happening == "commit"
        if happening == "commit" and commits == 4:
            raise EndOfProcess

    noticing.notice(hasty.log, told)
    with pytest.raises(EndOfProcess):
        take_in(small, PARCELS, make_parcels(10), history=True)
    assert 0 < len(questions.cases(hasty.log, "parcels")) < 10
    end_of_a_run(hasty)
    assert take_in(hasty, PARCELS, tmp_path).empty


def test_every_step_holds_its_batches_for_another_lease(place: Workspace) -> None:
    """A run of many steps may take longer than one lease, as long as each step is shorter."""
    cases = take_in(place, PARCELS, make_parcels(5))
    longer = replace(place, settings=place.settings.model_copy(update={"lease_seconds": 5_000.0}))
    predict(longer, PARCELS, PARCELS.models[0], cases)
    batch = leases.Lease.parse("parcels", cases["batch"].iloc[0]).batch_id
    with pytest.raises(BatchBusy, match=r"for another (4\d\d\d|5000) s"):
        leases.claim(place.log, "parcels", batch, source="test", owner="other", seconds=1)


def test_a_case_that_ends_every_worker_is_found_and_set_aside(place: Workspace, tmp_path: Path) -> None:
    """After three attempts its batch is halved until it stands alone: quarantined and with a person, others through."""
    make_parcels(8).to_csv(tmp_path / "deadly.csv", index=False)
    deadly = make_parcels(8)["case_id"].iloc[5]
    sizes = []
    for _ in range(30):
        cases = take_in(place, PARCELS, tmp_path)
        sizes.append(len(cases))
        if cases.empty:
            break
        if deadly in set(cases["case_id"]):
            end_of_a_run(place)
        else:
            worked(place, cases)
    assert sizes[:3] == [8, 8, 8]
    assert sizes[-1] == 0
    assert max(sizes[3:]) < 8
    refused = questions.quarantine(place.log, "parcels")
    assert refused["case_id"].tolist() == [deadly]
    assert refused["stage"].tolist() == ["work"]
    assert refused["attempts"].tolist() == [3]
    reasons = questions.open_reviews(place.log, "parcels").set_index("case_id")["reason"]
    assert reasons[deadly].startswith("it stopped the worker 3 times")
    assert len(reasons) == 8
    counts = questions.counts(place.log, "parcels").iloc[0]
    assert (counts["unfinished"], counts["open_batches"]) == (0, 0)


def test_a_batch_does_not_suffer_for_another(place: Workspace, tmp_path: Path) -> None:
    """After two attempts together each batch is worked on alone: the one that is harmless is never halved."""
    for number in (1, 2):
        make_parcels(4, seed=number).to_csv(tmp_path / f"{number}.csv", index=False)
    deadly = make_parcels(4, seed=1)["case_id"].iloc[0]
    harmless = set(make_parcels(4, seed=2)["case_id"])
    alone = []
    for _ in range(20):
        cases = take_in(place, PARCELS, tmp_path)
        if cases.empty:
            break
        if deadly in set(cases["case_id"]):
            end_of_a_run(place)
            continue
        if harmless & set(cases["case_id"]):
            alone.append(set(cases["case_id"]))
        worked(place, cases)
    assert alone == [harmless]
    assert questions.quarantine(place.log, "parcels")["case_id"].tolist() == [deadly]
