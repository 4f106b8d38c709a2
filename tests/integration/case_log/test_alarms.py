"""Alarms stand from when they are raised until they are cleared, each once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from aiops_flows.case_log import CaseLog, alarms, audit
from aiops_flows.errors import ConflictingWrite
from tests.integration.case_log.life import MODEL, alarm


def test_an_alarm_is_raised_once(case_log: CaseLog) -> None:
    """The same alarm gives its number while it stands; anything else about it makes another."""
    assert alarm(case_log) == 1
    head = audit.head(case_log)
    assert alarm(case_log) == 1
    assert audit.head(case_log) == head
    others: list[dict[str, Any]] = [
        {"kind": "drift"},
        {"segment": "north"},
        {"action": "rolled back"},
        {"version": None},
        {"model": "other"},
    ]
    assert [alarm(case_log, **other) for other in others] == [2, 3, 4, 5, 6]
    assert [alarm(case_log, **other) for other in others] == [2, 3, 4, 5, 6]
    assert alarm(case_log, "other") == 1


def test_an_alarm_stands_until_it_is_cleared(case_log: CaseLog) -> None:
    """Cleared once, by somebody and for a reason; what is raised later is a new alarm."""
    alarm(case_log, segment="north")
    alarm(case_log, model="other")
    (one,) = alarms.open_alarms(case_log, "claims", model=MODEL)
    assert (one.number, one.version, one.kind, one.segment, one.action) == (1, 1, "error", "north", "to people")
    assert (one.reason, one.evidence, one.actor) == ("too many wrong", '{"e":31.5}', "monitor")
    alarms.clear(case_log, "claims", 1, reason="a burst", actor="ann")
    head = audit.head(case_log)
    alarms.clear(case_log, "claims", 1, reason="again", actor="eve")
    assert audit.head(case_log) == head
    assert [one.number for one in alarms.open_alarms(case_log, "claims")] == [2]
    assert alarm(case_log, segment="north") == 4
    told = alarms.history(case_log, "claims")
    assert list(told["state"]) == ["raised", "raised", "cleared", "raised"]
    assert list(told["clears"].fillna(0)) == [0, 0, 1, 0]
    assert (told["actor"][2], told["reason"][2], told["segment"][2]) == ("ann", "a burst", "north")


def test_what_was_not_raised_cannot_be_cleared(case_log: CaseLog) -> None:
    """Neither a number that is not there nor that of a clearing is an alarm."""
    alarm(case_log)
    alarms.clear(case_log, "claims", 1, reason="seen", actor="ann")
    for number in (2, 9):
        with pytest.raises(ConflictingWrite, match=f"no alarm {number}"):
            alarms.clear(case_log, "claims", number, reason="seen", actor="ann")


def test_alarms_can_be_asked_for_as_of_a_moment(case_log: CaseLog) -> None:
    """What stood then is told, though it was cleared since."""
    alarm(case_log)
    (raised,) = alarms.open_alarms(case_log, "claims")
    alarms.clear(case_log, "claims", 1, reason="seen", actor="ann")
    assert alarms.open_alarms(case_log, "claims", at=raised.at) == [raised]
    assert alarms.open_alarms(case_log, "claims", at=raised.at - timedelta(microseconds=1)) == []
    assert alarms.open_alarms(case_log, "claims") == []
    assert alarms.history(case_log, "none").empty


def test_of_many_who_raise_an_alarm_one_does(case_log: CaseLog) -> None:
    """Workers that find the same at the same time raise it once."""
    with ThreadPoolExecutor(8) as workers:
        assert set(workers.map(lambda _: alarm(case_log), range(8))) == {1}
    assert len(alarms.history(case_log, "claims")) == 1
