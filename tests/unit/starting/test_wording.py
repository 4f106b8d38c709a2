"""What a column of free text is worth to a model, and whether it gives the outcome away."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from aiops_flows.errors import SourceError
from aiops_flows.starting import guess_columns, guess_outcome, plan_of_file
from aiops_flows.starting.leaking import names_outcome
from aiops_flows.starting.wording import wording_of
from aiops_flows.steps.delivery import Delivery

ROWS = 400
LUCK = random.Random(0)
QUEUES = [LUCK.choice(["billing", "repair", "sales"]) for _ in range(ROWS)]
OUTCOME = guess_outcome("queue", QUEUES)
SAYS = {
    "billing": ["the invoice is too high", "I was charged twice", "where is my refund?"],
    "repair": ["the screen is broken", "it does not turn on", "there is a crack in the glass"],
    "sales": ["do you have it in blue", "what would twenty of them be", "I want a newer one"],
}


def said(queue: str) -> str:
    """What somebody writes who belongs to a queue; one in ten is about something else."""
    about = queue if LUCK.random() < 0.9 else LUCK.choice(list(SAYS))
    return f"{LUCK.choice(['Hello,', 'Good day.', 'Please help:'])} {LUCK.choice(SAYS[about])} {LUCK.randint(1, 999)}"


def test_words_that_go_with_the_outcome_are_read() -> None:
    """Of classes and of a quantity: the words of rows left out say something of what became of them."""
    texts = [said(queue) for queue in QUEUES]
    found = wording_of(texts, QUEUES, OUTCOME)
    assert found.refusal == found.doubt == ""
    assert found.goes > 0.7
    amounts = [f"{100 + 50 * (queue == 'repair') + LUCK.gauss(0, 20):.2f}" for queue in QUEUES]
    assert wording_of(texts, amounts, guess_outcome("amount", amounts)).enough


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([f"Automatic message no. {number}, do not answer!" for number in range(ROWS)], "tell nothing"),
        ([f"The customer was {LUCK.choice(['calm', 'cross'])}, and called." for _ in range(ROWS)], "tell nothing"),
        ([f"<{LUCK.getrandbits(64):x}>" for _ in range(ROWS)], "codes rather than words"),
        ([f"#{LUCK.getrandbits(16):04x} {LUCK.getrandbits(16):04x}-7" for _ in range(ROWS)], "codes rather than words"),
        ([""] * ROWS, "codes rather than words"),
    ],
)
def test_texts_that_tell_nothing_are_not_read(texts: list[str], reason: str) -> None:
    """Boilerplate, remarks without a bearing, and codes would only be learned by heart."""
    assert reason in wording_of(texts, QUEUES, OUTCOME).refusal


def test_a_language_without_blanks_has_words_too() -> None:
    """Two signs of a script without blanks count as a word."""
    texts = [{"billing": "请退款给我", "repair": "屏幕坏了", "sales": "有蓝色的吗"}[queue] for queue in QUEUES]
    assert wording_of(texts, QUEUES, OUTCOME).refusal == ""


def test_a_note_that_names_the_class_is_refused() -> None:
    """A closing note that says what became of the case is written too late to be learned from."""
    notes = [f"{'Seen by the desk. ' * 300}Then closed as {queue.upper()}!" for queue in QUEUES]
    assert "it names the outcome word for word in 100% of its rows" in wording_of(notes, QUEUES, OUTCOME).refusal


def test_a_text_that_sometimes_names_the_class_is_read_with_a_doubt() -> None:
    """Whoever asks for a repair may well say so; people are asked to look."""
    texts = [f"{said(queue)} {queue if LUCK.random() < 0.3 else ''}" for queue in QUEUES]
    found = wording_of(texts, QUEUES, OUTCOME)
    assert found.refusal == ""
    assert 0.2 < found.named < 0.45
    assert f"word for word in {found.named:.0%} of its rows" in found.doubt
    assert "written before that is known?" in found.doubt


def test_names_that_stand_in_every_text_give_nothing_away() -> None:
    """A text that lists all classes, or a class called as a common word, names nothing beyond chance."""
    assert names_outcome(["billing, repair or sales"] * ROWS, QUEUES, OUTCOME) == 0
    letters = ["a" if queue == "sales" else "b" for queue in QUEUES]
    assert names_outcome([f"a {said(queue)}" for queue in QUEUES], letters, guess_outcome("kind", letters)) == 0
    assert names_outcome(["resale"] * ROWS, ["sale"] * ROWS, OUTCOME) == 0  # part of a word is no word


@pytest.mark.parametrize("form", ["{0:,.2f}", "{0:.2f}", "{1}"])
def test_a_note_that_holds_the_amount_is_refused(form: str) -> None:
    """An amount is known with a point or a comma before its decimals; nothing paid need not be said."""
    amounts = [f"{LUCK.uniform(1_000, 9_000):.2f}" for _ in range(ROWS)] + ["0"] * 100
    outcome = guess_outcome("amount", amounts)
    german = [f"{float(each):,.2f}".translate(str.maketrans(",.", ".,")) for each in amounts]
    notes = [
        f"Settled with EUR {form.format(float(each), other)}." if float(each) else "Nothing was due."
        for each, other in zip(amounts, german, strict=True)
    ]
    assert names_outcome(notes, amounts, outcome) == 1
    assert names_outcome([f"Called {LUCK.randint(1, 9)} times" for _ in amounts], amounts, outcome) == 0


def test_many_different_values_of_several_words_are_text() -> None:
    """Where too many for labels differ, and each has several words, what is told may still be learned."""
    values = [f"{first} and {second} lost" for first in range(15) for second in range(15)] * 4
    (column,) = guess_columns(Delivery("file.csv", ["items"], [{"items": value} for value in values]))
    assert column.holds == "text"


def test_a_note_that_is_filled_in_for_one_class_alone_is_no_feature(tmp_path: Path) -> None:
    """That a note is there tells as much as what it says; where nothing else is left, the reason is said."""
    with (tmp_path / "cases.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["note", "queue"])
        lines.writerows([said(queue) if queue == "repair" else "", queue] for queue in QUEUES)
    with pytest.raises(SourceError, match=r"whether it is filled in tells .repair. from the rest"):
        plan_of_file("notes", tmp_path / "cases.csv", "queue")
