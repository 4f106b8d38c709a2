"""A conversation is read from the forms in which exports write it, and refused with a reason where it is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from aiops_flows.texts.threads import LONGEST, MOST_TURNS, Thread, Turn, said, transcript
from aiops_flows.use_case import Case

THREADS: TypeAdapter[list[Turn]] = TypeAdapter(Thread)
ASKED: Turn = {"speaker": "customer", "text": "Where is it?"}
ANSWERED: Turn = {"speaker": "agent", "text": "On its way."}


class Ticket(Case):
    """A case that is a conversation."""

    thread: Thread


@pytest.mark.parametrize(
    "given",
    [
        [ASKED, ANSWERED],
        [["customer", "Where is it?"], ("agent", "On its way.")],
        [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}],
        {"messages": [{"author": "Client", "body": "Where is it?"}, {"from": " BOT ", "message": "On its way."}]},
        json.dumps([ASKED, ANSWERED]),
        json.dumps({"turns": [["user", "Where is it?"], ["support", "On its way."]]}),
        "Customer: Where is it?\nAgent: On its way.",
        "\n  USER: Where is it?\n\nSupport : On its way.\n",
        np.array([ASKED, ANSWERED], object),
    ],
)
def test_the_same_turns_come_out_of_every_form(given: Any) -> None:
    """Objects under the usual names, pairs, JSON text, a transcript and the arrays of Parquet tell the same."""
    assert THREADS.validate_python(given) == [ASKED, ANSWERED]


@pytest.mark.parametrize("text", ["Where is it?", "[urgent] Where is it?", "[1, 2]", '{"a": 1}', "[" * 100_000, "{"])
def test_any_other_text_is_one_turn_of_the_customer(text: str) -> None:
    """Brackets alone make no list of turns, however deep they are."""
    assert THREADS.validate_python(text) == [{"speaker": "customer", "text": text}]


def test_a_line_without_a_speaker_belongs_to_the_turn_before() -> None:
    """Turns of a transcript have as many lines as they want."""
    asked, answered = THREADS.validate_python("Customer: Where is it?\ntwo: three\n\nfour\nAgent: On its way.")
    assert asked["text"] == "Where is it?\ntwo: three\n\nfour"
    assert answered["speaker"] == "agent"


@pytest.mark.parametrize(
    "text",
    [
        "Company: ACME\nMessage: my lamp is broken\nClient: no 5",
        "System: Windows 11\nProblem: it crashes on print",
        "Customer: ACME Ltd\nAgent: Some Body\nProblem: it crashes whenever I print.",
        "Service: Premium delivery to the door\nClient: my lamp is broken since Monday",
        "Note: I called twice.\nCustomer: 4711\nSupport: none came.",
        "User: somebody\nAgent: Mozilla/5.0 (X11; Linux x86_64)\nIt crashes.",
        "Client: A\nCompany: X\nClient: B\nCompany: Y",
        "Kunde: 4711\nMitarbeiter: unbekannt\nMeine Lampe ist kaputt.",
        "Customer: my lamp is broken, please help.",
        "Agent: please call me back, I am the customer.",
        "Patient: Some Body\nInfo: please send the bill again\nMember: 12",
        "Hello,\nAgent: Smith told me to write.\nCustomer: that is me.",
        "Firma: ACME\nSystem: SAP\nFehler: es druckt nicht",
        "Entreprise : ACME\nClient : 5\nSupport : aucun",
    ],
)
def test_a_form_is_one_turn_of_the_customer(text: str) -> None:
    """All its words are the customer's, whatever its fields are called."""
    assert THREADS.validate_python(text) == [{"speaker": "customer", "text": text}]


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        ("Customer: Where is my lamp?\nAgent: On its way to you.", "customer agent"),
        ("Client: Where is it?\nAgent: On its way.\nClient: Thanks.", "customer agent customer"),
        ("Bot: How can I help?\nVisitor: My lamp is broken.\nSystem: Windows 11\nBot: I see.", "agent customer agent"),
        ("System: joined.\nCustomer: Hello there!\nAgent: Hello.\nSystem: left.", "system customer agent system"),
        ("Kunde: Wo ist meine Lampe?\nMitarbeiter: Unterwegs zu Ihnen.", "customer agent"),
    ],
)
def test_a_transcript_has_two_sides_that_speak(text: str, speakers: str) -> None:
    """By words that no form has, or by taking turns; a field within a turn stays in it."""
    assert " ".join(turn["speaker"] for turn in THREADS.validate_python(text)) == speakers


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("Fri, 02 Jan 2026 03:04:05 +0100", "2026-01-02T02:04:05Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
    ],
)
def test_the_moment_of_a_turn_is_told_in_one_way(given: Any, told: str) -> None:
    """ISO 8601, the dates of mails and moments of frames become ISO 8601 in UTC."""
    assert THREADS.validate_python([{**ASKED, "at": given}]) == [{**ASKED, "at": told}]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (5, "list"),
        (["hello"], "dictionary"),
        ([["Ann", "hello"]], "'customer', 'agent' or 'system'"),
        ([{"speaker": "customer"}], "Field required"),
        ([{"text": "hello"}], "Field required"),
        ([["customer", "a\0b"]], "match"),
        ([["customer", "\udcff"]], "unicode"),
        ([["customer", b"\xff"]], "string"),
        ([{**ASKED, "at": "soon"}], "no ISO 8601"),
        ([ASKED] * (MOST_TURNS + 1), "at most 500"),
        ([ASKED, ["agent", "x" * LONGEST]], "at most 100000"),
        ("x" * 5_000_000, "at most 100000"),
    ],
)
def test_what_is_no_conversation_is_refused_with_a_reason(given: Any, reason: str) -> None:
    """Unknown speakers, missing words, NUL, lone surrogates, and more than anybody says at once."""
    with pytest.raises(ValidationError, match=reason):
        THREADS.validate_python(given)


def test_a_case_keeps_free_text_in_its_turns() -> None:
    """Markup, formula signs and emoji are text; what is stored and read back is equal to what was validated."""
    given: list[dict[str, Any]] = [
        {**ASKED, "text": "=cmd <b>\n👩‍🚀 שלום", "mood": "cross"},
        {"text": "yes", "speaker": "agent", "at": "2026-01-02"},
    ]
    ticket = Ticket.model_validate({"case_id": "a", "thread": given})
    assert ticket.thread[0] == {**ASKED, "text": given[0]["text"]}
    assert type(ticket.thread[0]) is dict
    assert Ticket.model_validate_json(ticket.model_dump_json()).model_dump_json() == ticket.model_dump_json()


def test_each_side_is_heard_apart() -> None:
    """What one side said is asked for by its name; a plain text is all the customer's, a missing one is nothing."""
    thread: list[Turn] = [ASKED, ANSWERED, {"speaker": "customer", "text": "Thanks"}]
    assert said(thread) == "Where is it?\n\nThanks"
    assert said(thread, "agent") == "On its way."
    assert (said("plain"), said(None), said(float("nan"))) == ("plain", "", "")
    assert transcript(thread[:2]) == "Customer: Where is it?\nAgent: On its way."
