"""Inboxes: files that vanish, are replaced, or are written on while they are worked through."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops_flows.case_log import questions
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.intake import take_in
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
