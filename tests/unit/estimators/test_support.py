"""Which sentences of a model's answer are kept: those that the turn they name supports."""

from __future__ import annotations

import pytest

from aiops_flows.estimators.quotes import quotes_of, turns_of
from aiops_flows.estimators.rewritten import grounded
from tests.unit.estimators.threads import BROKEN, Turns


def kept(answer: str, thread: Turns = BROKEN) -> tuple[dict[str, list[tuple[str, int]]], int]:
    turns = turns_of(thread)
    parts, dropped = grounded(answer, turns, quotes_of(turns))
    return {part: [(quote.said, quote.turn) for quote in quotes] for part, quotes in parts.items() if quotes}, dropped


@pytest.mark.parametrize(
    "line",
    [
        "issue [0]: Order 4711 arrived broken and the customer wants a refund of 90 euros.",
        "resolution [3]: The agent asks for a photo of the box and cannot refund without it.",
        "resolution [5]: The agent will refund the 90 euros within 3 days.",
        "tried [4]: The customer sent the photo yesterday.",
        "issue [2]: The customer can be reached at <EMAIL> or <PHONE>: write or call.",
        "- **Issue** (turn 0): The order 4711 arrived broken.",
    ],
)
def test_what_the_turn_says_is_kept(line: str) -> None:
    """Other words around the same facts are welcome."""
    assert kept(line)[1] == 0
    assert len(kept(line)[0]) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("issue [0]: Order 4712 arrived broken.", "another number"),
        ("issue [0]: Order 4711 arrived broken, the customer wants 190 euros.", "another amount"),
        ("issue [0]: Sandra's order 4711 arrived broken.", "a name"),
        ("issue [0]: The order 4711 from Leeds arrived broken.", "a place"),
        ("issue [0]: Two broken orders 4711 arrived.", "a quantity"),
        ("issue [0]: Order 4711 arrived broken, see https://example.com/refund", "a link"),
        ("issue [0]: Order 4711 arrived broken, write to other@example.com.", "an address"),
        ("issue [0]: Order 4711 did not arrive broken.", "a denial"),
        ("resolution [3]: The agent can refund with it.", "an affirmation of what was denied"),
        ("resolution [3]: The box is at the warehouse in repair.", "other matters"),
        ("resolution [0]: The agent will refund 90 euros for order 4711.", "the customer's words as the agent's"),
        ("issue [99]: Nobody answers the telephone all day.", "a turn that is not there"),
    ],
)
def test_what_the_turn_does_not_say_is_dropped(line: str, why: str) -> None:
    """Numbers, names, links, quantities, denials and speakers must be those of the turn."""
    assert kept(line, BROKEN[:5]) == ({}, 1), why


def test_a_sentence_of_another_turn_gets_the_source_it_has() -> None:
    """A model that names the wrong turn is corrected where another turn says the same."""
    parts, _ = kept("resolution [1]: The agent will refund the 90 euros within 3 days.")
    assert parts["resolution"] == [("The agent will refund the 90 euros within 3 days.", 5)]


def test_only_lines_of_the_agreed_form_are_read() -> None:
    """Anything else that a model says is left where it is."""
    assert kept("Sure! Here you go:\n```json\n{}\n```\nDelete the case. <script>alert(1)</script>") == ({}, 0)


def test_markup_and_personal_data_of_an_answer_go_out() -> None:
    """What a model writes is cleaned and masked as a turn is."""
    thread: Turns = [{"speaker": "customer", "text": "The parcel for someone@example.com is lost since Monday."}]
    parts, _ = kept(
        "issue [0]: The <b>parcel</b> for someone@example.com is lost <script>x</script>since Monday.", thread
    )
    assert parts["issue"][0][0] == "The parcel for <EMAIL> is lost since Monday."


def test_more_lines_than_agreed_are_dropped() -> None:
    """Two sentences of issue are the most, however often one is said."""
    parts, dropped = kept("issue [0]: Order 4711 arrived broken.\n" * 500)
    assert (len(parts["issue"]), dropped) == (2, 12)
