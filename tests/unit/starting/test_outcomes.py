"""What an outcome column becomes: classes, questions and limits."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from aiops_flows.errors import SourceError
from aiops_flows.starting import Choices, Settled, guess_outcome, plan_of_file, write
from aiops_flows.starting.limits import limits_of
from aiops_flows.starting.spellings import read_spellings

CLEAN = ["Deny"] * 400 + ["Approve"] * 300 + ["In Review"] * 100


@pytest.mark.parametrize(
    ("written", "class_"),
    [
        ("DENY", "Deny"),
        ("deny ", "Deny"),
        ("De\u200bny", "Deny"),
        ("In  Review", "In Review"),
        ("\uff24\uff45\uff4e\uff59", "Deny"),  # full-width letters
    ],
)
def test_harmless_spellings_are_one_class(written: str, class_: str) -> None:
    """Case, blanks, invisible and full-width letters make no class of their own, and no question."""
    spellings = read_spellings([*CLEAN, written, written], "Status")
    assert spellings.class_of[written] == class_
    assert not spellings.questions


@pytest.mark.parametrize("zeros", [("0.0", "1.0"), ("0", "1.0"), ("0.", "1.00")])
def test_whole_numbers_are_classes_however_a_spreadsheet_wrote_them(zeros: tuple[str, str]) -> None:
    """0.0 and 1.0 are the classes 0 and 1, not a quantity."""
    outcome = guess_outcome("flag", [zeros[0]] * 80 + [zeros[1]] * 40)
    assert (outcome.kind, outcome.classes) == ("classes", ("0", "1"))
    assert outcome.written == {zeros[0]: "0", zeros[1]: "1"}


def test_truth_values_in_three_spellings_are_two_classes() -> None:
    """TRUE, True and true are one class."""
    outcome = guess_outcome("fate", ["TRUE"] * 30 + ["True"] * 25 + ["true"] * 20 + ["FALSE"] * 90)
    assert outcome.rows_of == {"False": 90, "True": 75}


@pytest.mark.parametrize(
    ("written", "proposal"),
    [
        ("D eny", "Deny"),
        ("Deny.", "Deny"),
        ("In Re view", "In Review"),
        ("InReview", "In Review"),
        ("In Reviev", "In Review"),
        ("Aprove", "Approve"),
        ("Status", ""),  # the header, repeated
        ("by phone", ""),
        ("$12", ""),
    ],
)
def test_dirt_in_an_outcome_is_a_question_and_never_a_verdict(written: str, proposal: str) -> None:
    """What looks like a class that was misread, a repeated header or a value of few rows waits for a person."""
    values = [*CLEAN, written, written]
    asked = read_spellings(values, "Status")
    assert [(each.written, each.rows, each.proposal) for each in asked.questions] == [(written, 2, proposal)]
    assert asked.classes == ["Deny", "Approve", "In Review"]
    accepted = read_spellings(values, "Status", accept=True)
    assert accepted.class_of.get(written, "") == proposal
    assert accepted.classes == asked.classes


@pytest.mark.parametrize("written", ["Undeny", "grade 2", "type B", "Approve 2", "Closed"])
def test_a_value_that_means_another_thing_is_a_class(written: str) -> None:
    """A prefix, a number or a letter that people put there on purpose is no misreading."""
    values = [*CLEAN, *["grade 1"] * 200, *["type A"] * 200, *[written] * 8]
    assert written in read_spellings(values, "Status").classes


def test_a_value_can_be_declared_a_class_of_its_own() -> None:
    """Where the proposal is wrong, one option says so."""
    values = ["hired"] * 300 + ["fired"] * 20
    assert [each.written for each in read_spellings(values, "fate").questions] == ["fired"]
    assert read_spellings(values, "fate", distinct=["fired"]).classes == ["hired", "fired"]


def test_a_few_words_among_amounts_are_questions() -> None:
    """A quantity stays one where a row says "pending"."""
    outcome = guess_outcome("paid", [f"{number}.5" for number in range(100)] + ["pending"] * 3)
    assert outcome.kind == "quantity"
    assert [(each.written, each.rows) for each in outcome.questions] == [("pending", 3)]


def test_a_column_without_classes_is_refused() -> None:
    """Free text, or an id, is not an outcome."""
    with pytest.raises(SourceError, match="expected a quantity, or 2 to"):
        guess_outcome("fate", [f"note {number}" for number in range(60)] + ["a"] * 40 + ["b"] * 40)


@pytest.mark.parametrize(("rare", "limit"), [(0.01, 0.0033), (0.03, 0.01), (0.06, 0.02), (0.10, 0.033), (0.2, 0.066)])
def test_the_limit_of_a_verdict_is_well_below_what_always_saying_it_gets_wrong(rare: float, limit: float) -> None:
    """Always "No" is never good enough, however rare "Yes" is."""
    outcome = guess_outcome("fraud", ["Yes"] * round(1_000 * rare) + ["No"] * round(1_000 * (1 - rare)))
    limits = limits_of(outcome, [])
    assert limits.max_error["No"] == pytest.approx(limit)
    assert any(f"wrong in {rare:.1%}" in reason for reason in limits.reasons)


def test_a_rare_verdict_is_the_costly_one() -> None:
    """It is decided by people, few of its cases may be decided otherwise, and the figures are there in words."""
    outcome = guess_outcome("late", ["yes"] * 60 + ["no"] * 940)
    limits = limits_of(outcome, [])
    assert (limits.automatic, limits.rare, limits.max_missed) == (["no"], ["yes"], {"yes": 0.1})
    assert '"yes" (6.0%)' in limits.reasons[1]


def test_balanced_classes_have_the_usual_limit() -> None:
    """Where always saying one class is wrong often, one error in ten is the limit."""
    limits = limits_of(guess_outcome("queue", [f"queue {number % 20}" for number in range(2_000)]), [])
    assert set(limits.max_error.values()) == {0.1}
    assert len(limits.automatic) == 20
    assert not limits.rare


@pytest.mark.parametrize("name", ["Denied", "rejected", "Fraud", "Abgelehnt", "declined by us"])
def test_a_verdict_that_seems_to_go_against_somebody_is_not_automatic(name: str) -> None:
    """By its name alone: people decide it until somebody says otherwise."""
    limits = limits_of(guess_outcome("fate", [name] * 60 + ["granted"] * 60), [])
    assert (limits.automatic, limits.adverse) == (["granted"], [name])


def test_a_quantity_that_is_nearly_always_zero_needs_more_than_saying_zero() -> None:
    """Nine in ten are 0: "always 0" is off in one in ten, and the limit is a third of that."""
    truth = ["0"] * 900 + [str(number) for number in range(100, 200)]
    limits = limits_of(guess_outcome("paid", truth), truth)
    assert limits.max_error == {"accept": 0.033}
    assert "10.0%" in limits.reasons[0]


def dirty_file(path: Path) -> Path:
    """Two classes, of which some rows are dirt; some rows are undecided."""
    fates = ["in time", "late", "la te", "fate", "", "late", "in time", "late", "unknown thing"]
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "amount", "fate"])
        for number in range(300):
            amount = number * 37 % 100
            fate = fates[number] if number < len(fates) else "late" if amount + number * 7 % 30 > 60 else "in time"
            lines.writerow([f"R-{number}", amount, fate])
    return path


def test_rows_with_a_question_are_set_aside_with_their_proposal(tmp_path: Path) -> None:
    """They are neither past cases nor new ones; a file of their own lists them, and the notes count them."""
    plan = plan_of_file("dirt", dirty_file(tmp_path / "past.csv"), "fate")
    write(plan, tmp_path / "made")
    unsettled = list(csv.DictReader((tmp_path / "made" / "data" / "unsettled.csv").open(encoding="utf-8")))
    assert [(row["id"], row["fate"], row["proposed"]) for row in sorted(unsettled, key=lambda row: row["id"])] == [
        ("R-2", "la te", "late"),
        ("R-3", "fate", ""),
        ("R-8", "unknown thing", ""),
    ]
    assert "3 rows have an outcome that is a question, no verdict; they are in data/unsettled.csv:" in plan.notes
    outcomes = list(csv.DictReader((tmp_path / "made" / "data" / "past_outcomes.csv").open(encoding="utf-8")))
    assert {row["fate"] for row in outcomes} == {"late", "in time"}


def test_accepted_proposals_are_written_as_their_class(tmp_path: Path) -> None:
    """One option takes the mapping, and the rows are past cases."""
    choices = Choices(settled=Settled(accept=True))
    plan = plan_of_file("dirt", dirty_file(tmp_path / "past.csv"), "fate", choices)
    assert [row["id"] for row in sorted(plan.unsettled, key=lambda row: row["id"])] == ["R-3", "R-8"]
    assert plan.outcome.written["la te"] == "late"


def test_lines_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    """One line in three has a field too many: the numbers of the lines and the reason are in the notes."""
    lines = dirty_file(tmp_path / "past.csv").read_text().splitlines()
    bad = "\n".join(line + ",oops" * (number % 3 == 1) for number, line in enumerate(lines)) + "\n"
    (tmp_path / "bad.csv").write_text(bad)
    plan = plan_of_file("dirt", tmp_path / "bad.csv", "fate")
    place = plan.notes.index("100 of 300 lines of bad.csv were not read:")
    second = plan.notes[place + 1]
    assert second.startswith("  lines 2, 5, 8,")
    assert second.endswith("and 90 more: has 4 fields, the header has 3")


def test_a_nameless_column_is_never_the_id(tmp_path: Path) -> None:
    """Neither an empty one nor one that numbers the rows without saying what for."""
    lines = dirty_file(tmp_path / "past.csv").read_text().splitlines()
    (tmp_path / "blank.csv").write_text("\n".join(f"{line.partition(',')[2]}," for line in lines) + "\n")
    plan = plan_of_file("dirt", tmp_path / "blank.csv", "fate")
    assert plan.case_id is None
    assert plan.id_name == "case_id"
