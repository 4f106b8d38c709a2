"""A log with a clock of its own writes a history that was replayed as if it happened then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.case_log import CaseLog, alarms, promotions, questions, versions, writes
from aiops_flows.case_log.frames import rows_of
from tests.integration.case_log.life import (
    MARCH,
    MODEL,
    alarm,
    answer,
    claim,
    draw,
    is_whole,
    judge,
    live,
    names,
    predict,
    promote,
    read,
    take_in,
    version,
)

DAY = timedelta(days=1)


class Calendar:
    """A clock that is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The moment it is set to."""
        return self.at


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(MARCH)


@pytest.fixture
def replayed(database_url: str, tmp_path: Path, calendar: Calendar) -> Iterator[CaseLog]:
    with CaseLog.open(database_url, witness=tmp_path / "witness", clock=calendar) as log:
        yield log
        assert is_whole(log)


def test_every_moment_is_the_clocks(replayed: CaseLog, calendar: Calendar) -> None:
    """Whatever is written bears the moment of the log's clock, promotions included."""
    live(replayed, "claims")
    told = {row["at"] for table in ("audit", "promotions") for row in rows_of(replayed, f"SELECT at FROM {table}", [])}
    assert told == {"2026-03-01T00:00:00.000000Z"}
    assert replayed.now() == MARCH
    calendar.at += DAY
    assert answer(replayed, "case-007").at == MARCH + DAY
    assert answer(replayed, "case-008").at == replayed.now()


def test_a_log_without_a_clock_shows_the_present(case_log: CaseLog) -> None:
    """The moment of a log is now, and aware."""
    assert abs(case_log.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_clock_without_a_time_zone_is_refused(replayed: CaseLog, calendar: Calendar) -> None:
    """A moment that does not say where it is noon is none, and nothing is written."""
    calendar.at = datetime(2026, 3, 1)  # noqa: DTZ001 - it is what must be refused
    with pytest.raises(ValueError, match="time zone"):
        take_in(replayed, names(1))


def test_leases_keep_to_the_databases_clock(replayed: CaseLog, calendar: Calendar) -> None:
    """A batch that is held now is held, whatever day is replayed."""
    lease = claim(replayed)
    calendar.at += 1000 * DAY
    assert take_in(replayed, names(1), lease=lease).new == 1


def test_what_was_known_on_a_day_can_be_asked(replayed: CaseLog, calendar: Calendar) -> None:
    """Each answer is the one that would have been given on that day."""
    take_in(replayed, names(3))
    predict(replayed, names(3))
    judge(replayed, names(2), names(3)[2:], audited=names(2))
    calendar.at = MARCH + DAY
    read(replayed, "case-000", "deny")
    answer(replayed, "case-002", shown="page 1")
    writes.open_lane(replayed, "claims", draw(["case-002"]), kind="second")
    days = [MARCH - DAY, MARCH, MARCH + DAY]

    def held(day: datetime) -> list[str]:
        return list(questions.effective(replayed, "claims", known_by=day)["verdict"])

    def waiting(day: datetime | None) -> list[str]:
        return list(questions.open_reviews(replayed, "claims", known_by=day)["case_id"])

    assert [held(day) for day in days] == [[], ["pay", "pay"], ["deny", "pay", "deny"]]
    assert [waiting(day) for day in days] == [[], ["case-002", "case-000", "case-001"], ["case-001", "case-002"]]
    assert waiting(None) == waiting(days[-1])
    assert [len(questions.readings(replayed, "claims", known_by=day)) for day in days] == [0, 0, 1]
    assert [len(questions.answered(replayed, "claims", known_by=day)) for day in days] == [0, 0, 1]
    assert [len(questions.automatic(replayed, "claims", model=MODEL, known_by=day)) for day in days] == [0, 2, 2]
    assert questions.predictions(replayed, "claims", model=MODEL, made_before=MARCH).empty
    assert len(questions.predictions(replayed, "claims", model=MODEL, made_before=MARCH + DAY)) == 3


def test_automatic_decisions_are_asked_for_by_day(replayed: CaseLog, calendar: Calendar) -> None:
    """From a moment, before another; with the prediction that was there when policy decided, if any."""
    take_in(replayed, names(2))
    judge(replayed, names(1), [])
    calendar.at = MARCH + DAY
    predict(replayed, names(2), value="pay")
    judge(replayed, names(2)[1:], [])
    calendar.at = MARCH + 2 * DAY
    again: dict[str, Any] = {
        "model": MODEL,
        "version": 2,
        "case_ids": names(2),
        "values": ["deny"] * 2,
        "confidences": [0.9] * 2,
    }
    writes.add_recall_predictions(replayed, "claims", **again)
    first, second = questions.automatic(replayed, "claims", model=MODEL).to_dict("records")
    assert first["value"] is None
    assert (second["version"], second["value"], second["confidence"]) == (1, "pay", 0.75)
    assert (second["received_at"], second["at"]) == (MARCH, MARCH + DAY)
    for chosen, expected in (
        ({"decided_from": MARCH + DAY}, "case-001"),
        ({"decided_before": MARCH + DAY}, "case-000"),
    ):
        found = questions.automatic(replayed, "claims", model=MODEL, **chosen)
        assert list(found["case_id"]) == [expected]
        assert found["version"].dtype == "Int64"


def test_a_champion_and_an_alarm_have_their_day(replayed: CaseLog, calendar: Calendar) -> None:
    """Who decided, and what stood, on a day of the replayed history."""
    versions.register(replayed, "claims", version(1))
    promote(replayed, 1, None)
    calendar.at = MARCH + DAY
    alarm(replayed)
    calendar.at = MARCH + 2 * DAY
    alarms.clear(replayed, "claims", 1, reason="seen", actor="ann")
    assert promotions.champion(replayed, "claims", MODEL, MARCH - DAY) is None
    assert promotions.champion(replayed, "claims", MODEL, MARCH) is not None
    stood = [len(alarms.open_alarms(replayed, "claims", at=MARCH + day * DAY)) for day in range(3)]
    assert stood == [0, 1, 0]
