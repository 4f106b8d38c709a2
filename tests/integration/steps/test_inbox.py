"""Inboxes: files that vanish, are replaced, or are written on while they are worked through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiops_flows.case_log import questions
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.intake_report import report_of
from aiops_flows.steps.sources import Delivery
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_parcels


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with two files."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in (1, 2):
        make_parcels(3, seed=number).to_csv(folder / f"{number}.csv", index=False)
    return folder


def test_a_file_that_another_worker_took_meanwhile_is_no_fault(place: Workspace, inbox: Path) -> None:
    """The files after it are taken all the same."""

    def take(delivery: Delivery) -> str:
        (inbox / "2.csv").unlink(missing_ok=True)
        return delivery.name

    make_parcels(3, seed=3).to_csv(inbox / "3.csv", index=False)
    assert work_through(place, "parcels", inbox, take) == ["1.csv", "3.csv"]


def test_a_file_dropped_under_the_name_of_one_in_hand_is_not_lost(place: Workspace, inbox: Path) -> None:
    """What came while the first was worked on stays in the inbox, and is taken by the next run."""

    def take(delivery: Delivery) -> str:
        if delivery.name == "1.csv":
            make_parcels(4, seed=4).to_csv(inbox / "new.part", index=False)
            (inbox / "new.part").rename(inbox / "1.csv")
        return delivery.name

    assert work_through(place, "parcels", inbox, take) == ["1.csv", "2.csv"]
    assert [path.name for path in inbox.glob("*.csv")] == ["1.csv"]
    assert len(take_in(place, PARCELS, inbox)) == 4


def test_a_file_that_is_still_written_is_read_again(place: Workspace, inbox: Path) -> None:
    """Rows that are appended while it is read are taken by the next run."""
    late = make_parcels(1, seed=5).to_csv(index=False, header=False)

    def take(delivery: Delivery) -> str:
        with (inbox / delivery.name).open("a") as file:
            file.write(late)
        return delivery.name

    work_through(place, "parcels", inbox, take)
    assert len(take_in(place, PARCELS, inbox)) == 7
    assert len(questions.cases(place.log, "parcels")) == 7
    assert take_in(place, PARCELS, inbox).empty


def names_in(folder: Path) -> list[bytes]:
    """The names of all files below a folder, as the file system has them."""
    return sorted(os.fsencode(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", [b"Sch\xe4den.csv", b"\xff\xfe.csv"])
def test_a_file_whose_name_is_not_utf_8_is_refused_and_the_others_go_on(
    place: Workspace, inbox: Path, name: bytes
) -> None:
    """It stands in quarantine with a name that can be printed, and no later run meets it again."""
    Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_bytes((inbox / "1.csv").read_bytes())
    cases = take_in(place, PARCELS, inbox)
    assert (len(cases), report_of(cases).refused) == (6, 1)
    assert names_in(inbox) == [b"done/1.csv", b"done/2.csv", b"refused/" + name]
    refused = questions.quarantine(place.log, "parcels").iloc[0]
    assert "the name of the file is not UTF-8" in refused["reason"]
    assert refused["source"].isprintable()


def test_the_longest_name_may_come_again_and_again(place: Workspace, inbox: Path) -> None:
    """A number goes before it, and its end stays."""
    name = "x" * 251 + ".csv"
    for seed in (11, 12, 13):
        make_parcels(2, seed=seed).to_csv(inbox / name, index=False)
        take_in(place, PARCELS, inbox)
    done = [os.fsdecode(each) for each in names_in(inbox)]
    assert len(done) == 5
    assert all(each.endswith(".csv") and len(each) <= len("done/") + 255 for each in done)
    assert len(questions.cases(place.log, "parcels")) == 12


@pytest.mark.parametrize("name", ["a'b\"c;.csv", "two\nlines.csv", "\u202egnp.csv", "-rf .csv"])
def test_odd_names_of_files_are_taken(place: Workspace, inbox: Path, name: str) -> None:
    """Quotes, line ends, marks that turn the direction: none of them steers a log."""
    make_parcels(2, seed=9).to_csv(inbox / name, index=False)
    assert len(take_in(place, PARCELS, inbox)) == 8
    assert os.fsencode(f"done/{name}") in names_in(inbox)


def test_a_file_that_no_reader_can_read_does_not_stop_the_others(place: Workspace, inbox: Path) -> None:
    """Damaged, of a kind that is not read, or a folder that is named like a file."""
    (inbox / "0.xlsx").write_bytes(b"PK\x03\x04 and no more")
    (inbox / "0.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    (inbox / "0.parquet").write_bytes(b"PAR1")
    (inbox / "0.csv").mkdir()
    cases = take_in(place, PARCELS, inbox)
    assert (len(cases), report_of(cases).refused) == (6, 3)
    assert len(questions.quarantine(place.log, "parcels")) == 3


def test_a_file_that_cannot_be_moved_aside_does_not_stop_the_others(place: Workspace, inbox: Path) -> None:
    """A file stands where the folder for what is done should be; taken again, they change nothing."""
    (inbox / "done").write_text("")
    for _ in range(2):
        assert len(take_in(place, PARCELS, inbox)) == 6
    assert len(questions.cases(place.log, "parcels")) == 6
