"""Outcomes: late, corrected, repeated and spoilt ones."""

from __future__ import annotations

from pathlib import Path

from aiops_flows.case_log import questions
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import OutcomesRecorded, record_outcomes
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_outcomes, make_parcels


def test_the_same_outcome_without_a_moment_is_stored_once(place: Workspace) -> None:
    """Sent again it changes nothing; another value is a correction."""
    parcels = make_parcels(5)
    take_in(place, PARCELS, parcels)
    undated = make_outcomes(parcels)[["case_id", "cost"]]
    assert record_outcomes(place, PARCELS, undated) == OutcomesRecorded(new=5)
    assert record_outcomes(place, PARCELS, undated.sample(frac=1, random_state=0)) == OutcomesRecorded(known=5)
    corrected = undated.assign(cost=undated["cost"] + 1)
    assert record_outcomes(place, PARCELS, corrected) == OutcomesRecorded(new=5)
    assert questions.outcomes(place.log, "parcels", name="cost")["value"].tolist() == corrected["cost"].tolist()


def test_a_spoilt_outcome_does_not_block_the_others(place: Workspace, tmp_path: Path) -> None:
    """Each stands in quarantine with its reason, whatever it is made of, and the file is done with."""
    parcels = make_parcels(8)
    take_in(place, PARCELS, parcels)
    names = parcels["case_id"].tolist()
    spoilt: list[dict[str, object]] = [
        {"case_id": names[0], "late": "lone \ud800 surrogate"},
        {"case_id": names[1], "late": "a\x00b"},
        {"case_id": names[2], "cost": [1]},
        {"case_id": names[3], "cost": 10**400},
        {"case_id": names[4], "late": "x" * 5_000_000},
        {"case_id": "\ud800", "late": "yes"},
        {"case_id": names[5], "late": "yes", "known_at": "some day"},
        {"case_id": "a\x00b", "cost": 1.0},
    ]
    good: list[dict[str, object]] = [{"case_id": names[6], "late": "yes", "cost": 1.0}]
    found = record_outcomes(place, PARCELS, spoilt + good)
    assert found == OutcomesRecorded(new=2, quarantined=8)
    bytes_that_are_no_text = b"case_id,late\n" + names[7].encode() + b",ye\xffs\n" + names[0].encode() + b",yes\n"
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "late.csv").write_bytes(bytes_that_are_no_text)
    assert record_outcomes(place, PARCELS, tmp_path / "inbox") == OutcomesRecorded(new=1, quarantined=1)
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["done"]


def test_every_row_that_is_no_outcome_is_kept_in_quarantine(place: Workspace) -> None:
    """Rows that name the same case do not hide each other, and a row without a case says so."""
    parcels = make_parcels(1)
    take_in(place, PARCELS, parcels)
    known = {"case_id": parcels["case_id"][0], "known_at": "2026-01-01"}
    told: list[dict[str, object]] = [
        known | {"late": "yes"},
        known | {"late": "no"},
        known | {"late": "perhaps"},
        {"case_id": "nobody", "late": "yes", "known_at": "2026-01-01"},
        {"case_id": "nobody", "late": "yes", "known_at": "2026-01-02"},
        {"case_id": " ", "late": "yes"},
        {"case_id": None, "late": "no"},
        known | {"late": ["yes"]},
    ]
    assert record_outcomes(place, PARCELS, told) == OutcomesRecorded(new=1, quarantined=7)
    assert len(questions.quarantine(place.log, "parcels")) == 7


def test_an_old_delivery_sent_again_takes_nothing_back(place: Workspace) -> None:
    """Outcomes without a moment, in any order and number, say their own once; the correction stands."""
    take_in(place, PARCELS, make_parcels(1))
    case_id = make_parcels(1)["case_id"][0]
    first, corrected = ([{"case_id": case_id, "late": value}] for value in ("no", "yes"))
    told = [record_outcomes(place, PARCELS, source).new for source in (first, corrected, first, corrected, first)]
    assert told == [1, 1, 0, 0, 0]
    assert questions.outcomes(place.log, "parcels", name="late")["value"].tolist() == ["yes"]


def test_rows_that_contradict_each_other_are_not_both_believed(place: Workspace) -> None:
    """Of two values without a moment in one delivery the first stands, however often it is sent."""
    take_in(place, PARCELS, make_parcels(1))
    case_id = make_parcels(1)["case_id"][0]
    both = [{"case_id": case_id, "late": value} for value in ("no", "yes")]
    assert record_outcomes(place, PARCELS, both) == OutcomesRecorded(new=1, quarantined=1)
    for _ in range(2):
        assert record_outcomes(place, PARCELS, both) == OutcomesRecorded(known=1, quarantined=1)
    assert questions.outcomes(place.log, "parcels", name="late")["value"].tolist() == ["no"]


def test_a_whole_number_is_one_label_however_it_is_written(place: Workspace) -> None:
    """A column of 0 and 1 with a gap comes as 0.0 and 1.0: the classes are the same."""
    parcels = make_parcels(3)
    take_in(place, PARCELS, parcels)
    record_outcomes(place, PARCELS, parcels[["case_id"]].assign(late=[1.0, float("nan"), 0.0]))
    record_outcomes(place, PARCELS, [{"case_id": parcels["case_id"][1], "late": 1}])
    assert questions.outcomes(place.log, "parcels", name="late")["value"].tolist() == ["1", "1", "0"]
