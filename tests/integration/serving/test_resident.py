"""A business flow kept resident: micro-batches, answers, poisons, back-pressure, the inbox, what was left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pandas as pd
import pytest

from aiops_flows.case_log import leases, questions
from aiops_flows.errors import UseCaseError
from aiops_flows.serving import Limits, Resident, use_case_of
from aiops_flows.serving.answers import Answer
from aiops_flows.stack.processes import wait_until
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace
from tests.at_work import install
from tests.parcels import PARCELS, make_parcels
from tests.resident_parcels import brittle, parcel, parcels


@contextmanager
def at_work(resident: Resident) -> Iterator[Resident]:
    """The resident with its thread; at the end everything that was accepted is answered."""
    resident.warm_up()
    thread = Thread(target=resident.run)
    thread.start()
    try:
        yield resident
    finally:
        resident.arrivals.close()
        thread.join(60)
    assert not thread.is_alive()


def answers(resident: Resident, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """The answers to rows that are sent together."""
    arrived = resident.accept(rows)
    assert arrived is not None
    return [each.answer.result(60) for each in arrived]


def counts(place: Workspace) -> tuple[int, int, int]:
    """How many cases, predictions and open reviews are stored."""
    predicted = sum(len(questions.predictions(place.log, "parcels", model=spec.name)) for spec in PARCELS.models)
    return len(questions.cases(place.log, "parcels")), predicted, len(questions.open_reviews(place.log, "parcels"))


def test_an_answer_says_what_is_stored(at_home: Workspace) -> None:
    """Once a case is answered it is in the log, with the predictions and the verdict that the answer tells."""
    with at_work(Resident(parcels, PARCELS)) as resident:
        near, far = answers(resident, [parcel("near"), parcel("far", distance=880.0)])
    assert (near.state, near.verdict, near.decided_by) == ("decided", "no", "policy")
    assert (far.state, far.verdict, far.decided_by) == ("decided", "yes", "policy")
    stored = questions.effective(at_home.log, "parcels", case_ids=["near", "far"])
    assert dict(zip(stored["case_id"], stored["verdict"], strict=True)) == {"near": "no", "far": "yes"}
    said = questions.predictions(at_home.log, "parcels", model="parcels-late", case_ids=["near"]).iloc[0]
    told = near.predictions["late"]
    assert (told["value"], told["confidence"], told["version"]) == (said["value"], said["confidence"], said["version"])


def test_a_case_sent_twice_changes_nothing_and_gets_the_same_answer(at_home: Workspace) -> None:
    """Alone, among others, or twice at once: one case, one answer."""
    with at_work(Resident(parcels, PARCELS)) as resident:
        first = answers(resident, [parcel("a"), parcel("b", distance=500.0)])
        before = counts(at_home)
        assert answers(resident, [parcel("b", distance=500.0)]) == first[1:]
        assert answers(resident, [parcel("a"), parcel("a")]) == [first[0], first[0]]
    assert counts(at_home) == before


def test_other_content_under_the_same_id_is_a_conflict(at_home: Workspace) -> None:
    """What came first stays; the other is quarantined, whether it comes later or in the same micro-batch."""
    with at_work(Resident(parcels, PARCELS)) as resident:
        first, other = answers(resident, [parcel("a"), parcel("a", weight=99.0)])
        (later,) = answers(resident, [parcel("a", weight=77.0)])
    assert first.state == "decided"
    assert (other.state, later.state) == ("quarantined", "quarantined")
    assert "conflict" in other.reason
    assert "conflict" in later.reason
    assert len(questions.quarantine(at_home.log, "parcels")) == 2


POISONS = {
    "nothing in it": {},
    "no weight": {"case_id": "p1", "received_at": "2026-10-01", "distance": 1.0, "region": "north"},
    "NaN": parcel("p2", weight=float("nan")),
    "a wrong type": parcel("p3", weight="heavy"),
    "NUL": parcel("p4", region="a\x00b"),
    "a lone surrogate": parcel("p5", region="\ud83d"),
    "markup": parcel("p6", region="<script>alert(1)</script>"),
    "a list": parcel("p7", weight=[1.0]),
    "a long id": parcel("p" * 5_000),
}


def test_a_row_that_is_no_case_is_quarantined_with_its_reason(at_home: Workspace) -> None:
    """Each is told what is wrong with it, alone or among good ones, which are decided."""
    with at_work(Resident(parcels, PARCELS)) as resident:
        alone = [answers(resident, [row])[0] for row in POISONS.values()]
        good, *among = answers(resident, [parcel("good"), *POISONS.values()])
    assert [name for name, answer in zip(POISONS, alone, strict=True) if answer.state != "quarantined"] == []
    assert among == alone
    assert all(answer.reason for answer in alone)
    assert good.state == "decided"
    assert len(questions.quarantine(at_home.log, "parcels")) == len(POISONS)


def test_one_case_at_which_the_flow_fails_stops_no_other(
    at_home: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are decided at once; it is tried again, and in the end a person has it, whoever sends it again."""
    monkeypatch.setenv("AIOPS_ATTEMPTS", "1")
    rows = [parcel(f"p{number}", region="raise" if number == 3 else "west") for number in range(8)]
    with at_work(Resident(brittle, PARCELS)) as resident:
        said = answers(resident, rows)
        assert [answer.state for answer in said if answer.case_id != "p3"] == ["decided"] * 7
        assert said[3].state == "failed"
        assert "ValueError" in said[3].reason

        def with_a_person() -> bool:
            waiting = questions.open_reviews(at_home.log, "parcels")["case_id"].tolist()
            return waiting == ["p3"]

        wait_until(with_a_person, "the case to be put to a person", seconds=60)
        (again,) = answers(resident, [rows[3]])
    assert again.state == "waits for a person"
    assert "p3" not in caplog.text.replace("case p3 goes to quarantine", "")  # the flow's own words are not logged


def test_cases_that_come_while_the_flow_is_busy_go_together(at_home: Workspace) -> None:
    """The first goes at once and alone; those that wait meanwhile make the next micro-batches."""
    sizes: list[int] = []
    begun, go_on = Event(), Event()

    def slow(source: Any) -> pd.DataFrame:
        if isinstance(source, list) and source:
            sizes.append(len(source))
            begun.set()
            go_on.wait(60)
        return parcels.fn(source)

    with at_work(Resident(slow, PARCELS, limits=Limits(at_most=4))) as resident:
        first = resident.accept([parcel("a0")]) or []
        begun.wait(60)
        rest = resident.accept([parcel(f"a{number}") for number in range(1, 7)]) or []
        go_on.set()
        assert {each.answer.result(60).state for each in first + rest} == {"decided"}
    assert sizes == [1, 4, 2]


def test_a_full_queue_takes_all_of_a_request_or_nothing(at_home: Workspace) -> None:
    """What finds no room is refused and not stored; what was accepted is answered, after the end was asked for, too."""
    begun, go_on = Event(), Event()

    def slow(source: Any) -> pd.DataFrame:
        if isinstance(source, list) and source:
            begun.set()
            go_on.wait(60)
        return parcels.fn(source)

    with at_work(Resident(slow, PARCELS, limits=Limits(waiting=3))) as resident:
        first = resident.accept([parcel("a")]) or []
        begun.wait(60)
        second = resident.accept([parcel("b"), parcel("c")]) or []
        assert resident.accept([parcel("d"), parcel("e")]) is None
        resident.arrivals.close()
        assert resident.accept([parcel("f")]) is None
        go_on.set()
    assert [each.answer.result(0).state for each in first + second] == ["decided"] * 3
    assert len(questions.cases(at_home.log, "parcels", case_ids=["d", "e", "f"])) == 0


def test_a_promotion_is_seen_by_the_next_micro_batch(at_home: Workspace) -> None:
    """The process goes on; the version that answers is the champion of the moment."""
    with at_work(Resident(parcels, PARCELS)) as resident:
        (before,) = answers(resident, [parcel("a")])
        version = install(at_home, PARCELS, PARCELS.model("late"))
        (after,) = answers(resident, [parcel("b")])
    assert (before.predictions["late"]["version"], after.predictions["late"]["version"]) == (1, version)


def test_files_of_the_inbox_are_taken_beside_what_is_sent(at_home: Workspace) -> None:
    """A file that is dropped is decided and moved to done, by the same thread."""
    inbox = at_home.settings.folder / "inbox"
    inbox.mkdir()
    with at_work(Resident(parcels, PARCELS, inbox, Limits(look=0.05))) as resident:
        make_parcels(20, seed=5).to_csv(inbox / "a.tmp", index=False)
        (inbox / "a.tmp").rename(inbox / "a.csv")  # under its name when it is whole, as in every inbox
        assert answers(resident, [parcel("a")])[0].state == "decided"
        wait_until((inbox / "done" / "a.csv").exists, "the file to be taken", seconds=60)
    decided, waiting = questions.effective(at_home.log, "parcels"), questions.open_reviews(at_home.log, "parcels")
    assert len({*decided["case_id"], *waiting["case_id"]}) == 21
    assert resident.figures.take().cases == 21


def test_what_a_gone_process_left_is_taken_up_at_the_start(at_home: Workspace) -> None:
    """Cases that are stored and not decided are decided before new ones are worked on."""
    left = take_in(at_home, PARCELS, make_parcels(5, seed=6))
    leases.lapse(at_home.log, "parcels", at_home.owner)
    with at_work(Resident(parcels, PARCELS)) as resident:
        assert answers(resident, [parcel("a")])[0].state == "decided"
    decided = questions.effective(at_home.log, "parcels")["case_id"]
    assert {"a", *left["case_id"]} == set(decided)


def test_a_flow_without_verdicts_is_refused_at_the_start(at_home: Workspace) -> None:
    """The error says how a business flow ends."""
    with pytest.raises(UseCaseError, match=r"return review\(...\)"):
        Resident(lambda _: None, PARCELS).warm_up()


def test_the_use_case_is_the_one_beside_the_flow() -> None:
    """It is found where the flow's module has one, and asked for where it has none."""
    assert use_case_of(parcels) is PARCELS
    with pytest.raises(UseCaseError, match="--use-case"):
        use_case_of(wait_until)
