"""What decisions send to other systems arrives at least once, under one effect id, whatever fails on the way."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sqlalchemy.exc import DBAPIError

from aiops_flows.case_log import CaseLog, audit, effects, noticing, outbox, questions, undelivered, writes
from aiops_flows.case_log.writes import Decisions
from aiops_flows.effects import Effect
from aiops_flows.errors import ConflictingWrite, NotDelivered, UseCaseError
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outbox import MOST_ATTEMPTS, Delivered, deliver, plan, wait_after
from aiops_flows.steps.sinks import FolderSink
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, ModelSpec, Moment, ReviewPolicy, Text, UseCase

START = datetime(2026, 5, 1, tzinfo=UTC)


class Writer(WriterMixin, BaseEstimator):
    """Stands for a model that writes."""


class Order(Case):
    """An order."""

    amount: float
    placed: Moment | None = None
    note: Text | None = None


def body(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"verdict": row["verdict"], "amount": row["amount"]}


ORDERS = UseCase(
    name="orders",
    case=Order,
    models=[ModelSpec(name="orders-fate", features=["amount"], output="fate", estimator=DummyClassifier())],
    review=ReviewPolicy(verdicts=["ship", "drop"]),
    effects=[Effect("order", body)],
)


class Memory:
    """A sink that keeps what it takes, and fails as it is told."""

    name = "memory"

    def __init__(self, fails: Callable[[str], Exception | None] = lambda _: None) -> None:
        self.fails = fails
        self.asked: list[str] = []
        self.taken: list[dict[str, Any]] = []

    def send(self, effect_id: str, message: bytes) -> None:
        """Take it, or fail."""
        self.asked.append(effect_id)
        if fault := self.fails(effect_id):
            raise fault
        self.taken.append(json.loads(message))


def away(_: str) -> Exception:
    return NotDelivered("away")


def take(place: Workspace, count: int, use_case: UseCase = ORDERS, **fields: Any) -> list[str]:
    rows = [{"case_id": f"O-{number:03d}", "amount": float(number), **fields} for number in range(count)]
    return list(take_in(place, use_case, rows)["case_id"])


def decide(place: Workspace, case_ids: Sequence[str], verdict: str = "ship") -> None:
    many = len(case_ids)
    writes.add_verdicts(
        place.log, "orders", policy_version="p", decisions=Decisions(case_ids, [verdict] * many, ["rule"] * many)
    )


def answer(place: Workspace, case_id: str, verdict: str, replaces: int | None = None, **said: Any) -> None:
    writes.decide(
        place.log,
        "orders",
        case_id,
        verdict=verdict,
        reason="r",
        actor="ann",
        channel="test",
        replaces=replaces,
        **said,
    )


def with_effects(*declared: Effect) -> UseCase:
    return dataclasses.replace(ORDERS, effects=list(declared))


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        """What it shows."""
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(place: Workspace, database_url: str, clock: Clock, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose case log runs by the test's clock."""
    with CaseLog.open(database_url, witness=tmp_path / "witness", clock=clock) as log:
        yield dataclasses.replace(place, log=log)


def test_each_decision_sends_once_and_running_again_changes_nothing(place: Workspace) -> None:
    """One message a decision, under its effect id; a second run sends nothing and writes nothing."""
    decide(place, take(place, 7))
    sink = Memory()
    assert deliver(place, ORDERS, sink) == Delivered(planned=7, delivered=7)
    assert {said["effect_id"] for said in sink.taken} == set(effects.known_ids(place.log, "orders"))
    head = audit.head(place.log)
    assert deliver(place, ORDERS, sink) == Delivered()
    assert len(sink.asked) == 7
    assert audit.head(place.log) == head


def test_the_message_says_what_it_is_about(place: Workspace) -> None:
    """The envelope names effect, case and decision, and is the same at every attempt."""
    decide(place, take(place, 1))
    sink = Memory()
    deliver(place, ORDERS, sink)
    (said,) = sink.taken
    assert said.pop("planned_at").endswith("Z")
    assert said == {
        "effect_id": effects.effect_id("orders", "O-000", 0, "order"),
        "use_case": "orders",
        "name": "order",
        "case_id": "O-000",
        "revision": 0,
        "verdict": "ship",
        "replaces": None,
        "body": {"verdict": "ship", "amount": 0.0},
    }


def test_bodies_see_the_case_the_decision_and_what_it_rests_on(place: Workspace) -> None:
    """A row has the case's columns as Python's own types, the prediction before the decision, and who decided why."""
    seen: list[dict[str, Any]] = []

    def look(row: Mapping[str, Any]) -> None:
        seen.append(dict(row))

    declared = with_effects(Effect("look", look))
    ids = take(place, 1, placed="2026-04-30T10:00:00Z")
    fate: dict[str, Any] = {"model": "orders-fate", "case_ids": ids, "confidences": [0.75], "scores": ["{}"]}
    writes.add_predictions(place.log, "orders", version=3, values=["good"], **fate)
    decide(place, ids)
    writes.add_recall_predictions(place.log, "orders", version=4, values=["bad"], **fate)
    assert deliver(place, declared, Memory()) == Delivered()
    (row,) = seen
    assert isinstance(row.pop("received_at"), datetime)
    assert row == {
        "case_id": "O-000",
        "amount": 0.0,
        "placed": datetime(2026, 4, 30, 10, tzinfo=UTC),
        "note": None,
        "fate": "good",
        "fate_confidence": 0.75,
        "fate_version": 3,
        "verdict": "ship",
        "verdict_by": "policy",
        "verdict_reason": "rule",
        "actor": "policy",
        "revision": 0,
        "stated": [],
        "replaces": None,
    }
    assert deliver(place, declared, Memory()) == Delivered()
    assert len(seen) == 1, "where there is nothing to send the body is asked once all the same"


def test_what_the_person_said_comes_before_what_the_model_said(place: Workspace) -> None:
    """The outcome given with a decision takes the prediction's place; one that came true later does not."""
    text = ModelSpec(name="orders-reply", features=["amount"], output="reply", estimator=Writer(), min_rows=0)
    seen: dict[str, Mapping[str, Any]] = {}
    declared = dataclasses.replace(
        ORDERS,
        models=[*ORDERS.models, text],
        effects=[Effect("look", lambda row: seen.setdefault(row["case_id"], row))],
    )
    ids = take(place, 2, declared)
    for model, value in (("orders-fate", "good"), ("orders-reply", {"text": "Hello", "candidates": []})):
        said: dict[str, Any] = {"values": [value] * 2, "confidences": [0.5] * 2, "scores": [None] * 2}
        writes.add_predictions(place.log, "orders", model=model, version=1, case_ids=ids, **said)
    answer(place, ids[0], "ship", outcomes={"fate": "bad", "reply": "Good day"})
    answer(place, ids[1], "ship")
    writes.add_outcomes(place.log, "orders", case_ids=ids[1:], name="fate", values=["late"])
    assert deliver(place, declared, Memory()).delivered == 2
    assert [seen[name]["fate"] for name in ids] == ["bad", "good"]
    assert [seen[name]["reply"] for name in ids] == ["Good day", "Hello"]
    assert [seen[name]["reply_writing"]["text"] for name in ids] == ["Hello", "Hello"]
    assert [sorted(seen[name]["stated"]) for name in ids] == [["fate", "reply"], []]


def test_a_correction_is_an_effect_of_its_own_that_names_the_one_it_replaces(place: Workspace) -> None:
    """A new revision has a new id; one that says the same again is not sent."""
    decide(place, take(place, 1))
    sink = Memory()
    deliver(place, ORDERS, sink)
    answer(place, "O-000", "drop", replaces=0)
    deliver(place, ORDERS, sink)
    answer(place, "O-000", "drop", replaces=1)
    assert deliver(place, ORDERS, sink) == Delivered()
    first, second = sink.taken
    assert (second["replaces"], second["revision"], second["verdict"]) == (first["effect_id"], 1, "drop")
    answer(place, "O-000", "ship", replaces=2)
    deliver(place, ORDERS, sink)
    assert sink.taken[2]["replaces"] == second["effect_id"]


def test_a_body_can_take_back_what_was_sent(place: Workspace) -> None:
    """The row tells what the new decision's effect would replace, so that it can be withdrawn."""

    def told(row: Mapping[str, Any]) -> dict[str, Any] | None:
        if row["verdict"] == "ship":
            return {"ship": True}
        return {"ship": False} if row["replaces"] else None

    declared, sink = with_effects(Effect("ship", told)), Memory()
    ids = take(place, 2)
    decide(place, ids[:1], "ship")
    decide(place, ids[1:], "drop")
    deliver(place, declared, sink)
    answer(place, ids[0], "drop", replaces=0)
    deliver(place, declared, sink)
    assert [(said["case_id"], said["body"]["ship"]) for said in sink.taken] == [(ids[0], True), (ids[0], False)]


def test_an_effect_is_for_its_verdicts_and_its_time(place: Workspace) -> None:
    """Other verdicts have no such effect, nor have decisions from before it began; all others have."""
    ids = take(place, 4)
    decide(place, ids[:2], "ship")
    decide(place, ids[2:], "drop")
    later = datetime.now(UTC) + timedelta(days=1)
    declared = with_effects(Effect("drop", body, verdicts=["drop"]), Effect("new", body, since=later))
    sink = Memory()
    assert deliver(place, declared, sink).delivered == 2
    assert {said["case_id"] for said in sink.taken} == set(ids[2:])
    assert deliver(place, with_effects(Effect("new", body, since=START)), sink).delivered == 4


def test_history_sends_nothing(place: Workspace) -> None:
    """Cases that were decided elsewhere have no decision here, so no effect."""
    take_in(place, ORDERS, [{"case_id": "old", "amount": 1.0}], history=True)
    assert deliver(place, ORDERS, Memory()) == Delivered()


def test_effects_of_one_name_go_to_one_sink(place: Workspace) -> None:
    """With names only those are planned and sent; an unknown name is refused."""
    decide(place, take(place, 3))
    declared = with_effects(Effect("mail", body), Effect("desk", body))
    mail, desk = Memory(), Memory()
    assert deliver(place, declared, mail, names=["mail"]).delivered == 3
    assert deliver(place, declared, desk, names=["desk"]).delivered == 3
    assert ({said["name"] for said in mail.taken}, {said["name"] for said in desk.taken}) == ({"mail"}, {"desk"})
    with pytest.raises(UseCaseError, match="no effect"):
        deliver(place, declared, desk, names=["other"])


def test_what_fails_is_tried_again_after_its_wait_and_not_before(timed: Workspace, clock: Clock) -> None:
    """Waits grow, by the log's clock; when the sink takes it at last, it is through."""
    decide(timed, take(timed, 1))
    sink = Memory(away)
    assert deliver(timed, ORDERS, sink) == Delivered(planned=1, failed=1, waiting=1)
    for failures in range(1, 4):
        clock.at += wait_after(failures) - timedelta(seconds=1)
        assert deliver(timed, ORDERS, sink) == Delivered(waiting=1)
        clock.at += timedelta(seconds=1)
        assert deliver(timed, ORDERS, sink) == Delivered(failed=1, waiting=1)
    sink.fails = lambda _: None
    clock.at += wait_after(4)
    assert deliver(timed, ORDERS, sink) == Delivered(delivered=1)
    assert wait_after(1) < wait_after(2) < wait_after(40) == wait_after(41)


def test_an_answer_is_recorded_while_another_is_waited_for(place: Workspace) -> None:
    """The success of one effect never waits for the time-out of another."""
    decide(place, take(place, 3))
    recorded = threading.Event()
    slow = threading.Lock()

    class Uneven:
        """A sink whose first call ends only when the others are on record."""

        name = "uneven"
        at_once = 3

        def send(self, effect_id: str, message: bytes) -> None:  # noqa: ARG002
            """Wait, if this is the first call."""
            if slow.acquire(blocking=False):
                assert recorded.wait(30)
                raise NotDelivered("no answer within 30 s")

    def watch() -> None:
        while undelivered.counts(place.log, ORDERS.name).waiting != 1:
            if over.wait(0.05):
                return
        recorded.set()

    over = threading.Event()
    watching = threading.Thread(target=watch, daemon=True)
    plan(place, ORDERS)
    watching.start()
    done = deliver(place, ORDERS, Uneven())
    over.set()
    watching.join()
    assert (done.delivered, done.failed, done.waiting) == (2, 1, 1)


def test_what_never_arrives_is_given_up_shown_and_can_be_asked_for_again(timed: Workspace, clock: Clock) -> None:
    """After all attempts it is out of the way but in the list; asked for again, it is tried as a new one is."""
    decide(timed, take(timed, 1))
    sink = Memory(away)
    ran = []
    for _ in range(MOST_ATTEMPTS):
        ran.append(deliver(timed, ORDERS, sink))
        clock.at += timedelta(hours=7)
    assert ran[-1] == Delivered(given_up=1)
    assert deliver(timed, ORDERS, sink) == Delivered()
    listed = undelivered.given_up(timed.log, "orders")
    assert listed[["case_id", "attempts", "reason"]].to_numpy().tolist() == [["O-000", MOST_ATTEMPTS, "away"]]
    assert undelivered.counts(timed.log, "orders").given_up == 1
    assert undelivered.ask_again(timed.log, "orders", reason="mended", actor="ann") == 1
    assert undelivered.counts(timed.log, "orders").given_up == 0
    sink.fails = lambda _: None
    assert deliver(timed, ORDERS, sink) == Delivered(delivered=1)
    with pytest.raises(ConflictingWrite, match="cannot be asked for again"):
        undelivered.ask_again(timed.log, "orders", [sink.asked[0]], reason="again", actor="ann")


def test_one_that_is_refused_for_good_stops_no_other(place: Workspace) -> None:
    """It is given up at once, the rest arrives, and a faulty sink's words do not reach the log."""
    ids = take(place, 6)
    decide(place, ids)
    bad = effects.effect_id("orders", ids[0], 0, "order")
    odd = effects.effect_id("orders", ids[1], 0, "order")
    faults = {bad: NotDelivered("answered 400", for_good=True), odd: ValueError("secret of a customer")}
    sink = Memory(faults.get)
    assert deliver(place, ORDERS, sink) == Delivered(planned=6, delivered=4, failed=1, given_up=1, waiting=1)
    assert undelivered.given_up(place.log, "orders")["reason"].tolist() == ["answered 400"]
    assert undelivered.waiting(place.log, "orders")["reason"].tolist() == ["the sink failed: ValueError"]


def test_a_sink_that_is_away_does_not_use_up_every_attempt(place: Workspace) -> None:
    """After some failures in a row the run ends; what was not tried is not counted as failed."""
    decide(place, take(place, 50))
    sink = Memory(away)
    done = deliver(place, ORDERS, sink)
    assert (done.failed, done.waiting) == (10, 50)
    assert undelivered.waiting(place.log, "orders")["failures"].sum() == 10


def test_a_newer_effect_waits_for_the_older_one_of_its_case(timed: Workspace, clock: Clock) -> None:
    """The receiver never ends with the older of two: the second is sent when the first is through or given up."""
    decide(timed, take(timed, 1))
    sink = Memory(away)
    deliver(timed, ORDERS, sink)
    answer(timed, "O-000", "drop", replaces=0)
    sink.fails = lambda _: None
    assert deliver(timed, ORDERS, sink) == Delivered(planned=1, waiting=2)
    clock.at += timedelta(days=1)
    assert deliver(timed, ORDERS, sink) == Delivered(delivered=2)
    assert [said["verdict"] for said in sink.taken] == ["ship", "drop"]


def test_what_was_replaced_is_not_asked_for_again(timed: Workspace) -> None:
    """An effect that was given up is history once a later decision's effect stands in its place."""
    decide(timed, take(timed, 1))
    sink = Memory(lambda _: NotDelivered("no", for_good=True))
    deliver(timed, ORDERS, sink)
    answer(timed, "O-000", "drop", replaces=0)
    sink.fails = lambda _: None
    assert deliver(timed, ORDERS, sink).delivered == 1
    assert undelivered.counts(timed.log, "orders").given_up == 0
    assert undelivered.given_up(timed.log, "orders")["replaced"].tolist() == [True]
    assert undelivered.ask_again(timed.log, "orders", reason="all", actor="ann") == 0


def test_a_body_that_cannot_be_made_stops_no_other_and_is_made_up_for(
    place: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """The others go; the fault is told without what it says of the case; once mended, the next run sends it."""
    decide(place, take(place, 3, note="private"))

    def broken(row: Mapping[str, Any]) -> dict[str, Any]:
        if row["case_id"] == "O-001":
            raise ValueError(row["note"])
        return {"odd": object()} if row["case_id"] == "O-002" else {}

    sink = Memory()
    with caplog.at_level(logging.INFO):
        assert deliver(place, with_effects(Effect("order", broken)), sink) == Delivered(
            planned=1, refused=2, delivered=1
        )
    assert "ValueError" in caplog.text
    assert "private" not in caplog.text
    assert deliver(place, ORDERS, sink) == Delivered(planned=2, delivered=2)


def claimed(place: Workspace, owner: str, limit: int = 100, seconds: float = 60.0) -> list[str]:
    return [each.effect_id for each in outbox.claim(place.log, "orders", owner=owner, seconds=seconds, limit=limit)]


def test_two_workers_do_not_send_the_same(place: Workspace) -> None:
    """What one has claimed is not given to another, until it lets go or its claim runs out."""
    decide(place, take(place, 10))
    plan(place, ORDERS)
    one, two = claimed(place, "one", 6), claimed(place, "two", 6)
    assert (len(one), len(two), len({*one, *two})) == (6, 4, 10)
    assert claimed(place, "three") == []
    outbox.release(place.log, "orders", one, owner="two")
    assert claimed(place, "three") == [], "one cannot let go of what another has"
    outbox.release(place.log, "orders", one, owner="one")
    assert sorted(claimed(place, "three")) == sorted(one)


def test_what_a_worker_was_lost_over_comes_last_and_alone(place: Workspace) -> None:
    """An effect that kills whoever sends it holds no other up, and is given up in the end."""
    decide(place, take(place, 3))
    plan(place, ORDERS)
    deadly = claimed(place, "lost", 1, seconds=-1.0)
    others = claimed(place, "next", 100)
    assert len(others) == 2
    assert not {*deadly} & {*others}
    for _ in range(MOST_ATTEMPTS):
        assert claimed(place, "lost", 100, seconds=-1.0) == deadly
    outbox.release(place.log, "orders", others, owner="next")
    sink = Memory()
    assert deliver(place, ORDERS, sink) == Delivered(delivered=2, given_up=1)
    assert "workers were lost" in undelivered.given_up(place.log, "orders")["reason"][0]


def test_a_worker_that_lost_its_claim_tells_what_it_did_and_spoils_nothing(place: Workspace) -> None:
    """Its failure does not put back what another has in hand; its success is a success."""
    decide(place, take(place, 2))
    plan(place, ORDERS)
    late = claimed(place, "late", seconds=-1.0)
    first = claimed(place, "new")
    outbox.record(place.log, "orders", [outbox.Attempt(first[0], "failed", "x")], sink="s", owner="late")
    assert claimed(place, "third", 1) == sorted(set(late) - set(first))
    outbox.record(place.log, "orders", [outbox.Attempt(first[0], "delivered")], sink="s", owner="late")
    outbox.record(place.log, "orders", [outbox.Attempt(first[0], "delivered")], sink="s", owner="new")
    assert undelivered.counts(place.log, "orders").waiting == 1


class Dying(BaseException):
    """A process that dies, as far as the database can tell."""


def test_dying_at_any_event_skips_nothing(place: Workspace) -> None:
    """Whatever happening of planning, claiming or recording is the last, the next run sends what is missing."""
    seen = last = 0
    alive = True

    def told(_: str) -> None:
        nonlocal seen, alive
        seen += 1
        if alive and seen == last:
            alive = False
            raise Dying

    noticing.notice(place.log, told)
    deaths = 0
    while deaths == last:  # until a whole run comes through
        last += 1
        alive = False
        ids = [f"D-{last}-{number}" for number in range(2)]
        take_in(place, ORDERS, [{"case_id": case_id, "amount": 1.0} for case_id in ids])
        decide(place, ids)
        seen, alive, sink = 0, True, Memory()
        try:
            deliver(place, ORDERS, sink)
        except Dying:
            deaths += 1
            with place.log.engine.begin() as connection:  # what it had claimed runs out
                connection.exec_driver_sql("UPDATE outbox SET expires = 1 WHERE expires > 0")
            deliver(place, ORDERS, sink)
        alive = False
        assert {said["case_id"] for said in sink.taken} == {*ids}
        assert undelivered.counts(place.log, "orders").waiting == 0
    assert deaths > 10


def test_an_effect_that_vanished_from_the_outbox_is_found_and_can_be_asked_for_again(place: Workspace) -> None:
    """The list of what waits can be checked against what was planned, and mended from it."""
    decide(place, take(place, 2))
    plan(place, ORDERS)
    with place.log.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
    assert any("neither waits, nor arrived" in found for found in audit.check_invariants(place.log))
    assert undelivered.ask_again(place.log, "orders", reason="restored", actor="ann") == 2
    assert deliver(place, ORDERS, Memory()).delivered == 2


@pytest.mark.parametrize("table", ["effects", "deliveries"])
def test_what_was_planned_and_sent_is_never_changed(place: Workspace, table: str) -> None:
    """Neither the body that was frozen nor how an attempt ended can be rewritten, raw SQL included."""
    decide(place, take(place, 1))
    deliver(place, ORDERS, Memory())
    for statement in (f"UPDATE {table} SET effect_id = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), place.log.engine.begin() as connection:
            connection.exec_driver_sql(statement)


def test_the_trace_of_a_case_shows_its_effects(place: Workspace) -> None:
    """Who traces a case sees what left the house for it, and each attempt."""
    decide(place, take(place, 1))
    deliver(place, ORDERS, Memory(away))
    found = questions.trace(place.log, "orders", "O-000")
    assert [row["name"] for row in found["effects"]] == ["order"]
    assert [(row["state"], row["reason"], row["sink"]) for row in found["deliveries"]] == [("failed", "away", "memory")]
    assert {"effects", "deliveries"} <= {row["table_name"] for row in found["audit"]}


def test_a_folder_gets_a_file_for_each_effect(place: Workspace, tmp_path: Path) -> None:
    """The path of a folder is sink enough; nothing half-written is left in it."""
    decide(place, take(place, 20))
    assert deliver(place, ORDERS, str(tmp_path / "out")).delivered == 20
    files = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert files == sorted(f"{name}.json" for name in effects.known_ids(place.log, "orders"))


def test_a_folder_that_cannot_be_written_is_a_failure_like_another(place: Workspace, tmp_path: Path) -> None:
    """Where a file stands in the folder's place, effects wait."""
    (tmp_path / "out").write_text("")
    decide(place, take(place, 1))
    assert deliver(place, ORDERS, FolderSink(tmp_path / "out")) == Delivered(planned=1, failed=1, waiting=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Upper"},
        {"body": 3},
        {"verdicts": "ship"},
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_an_effect_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    """A declaration that contradicts itself is refused when it is made."""
    right: dict[str, Any] = {"name": "order", "body": body}
    with pytest.raises(UseCaseError, match="effect"):
        Effect(**{**right, **wrong})
