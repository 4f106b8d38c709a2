"""The one table: finding, and what follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from aiops_flows.case_log.alarms import AlarmAction, AlarmKind
from aiops_flows.steps.actions import TABLE, Finding, FindingKind, actions_for
from tests.parcels import PARCELS

POLICY = replace(PARCELS.review, audit=0.02)
BLOCKING = {"block promotion", "to people", "rolled back"}
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "reports.md"


def actions(kind: FindingKind) -> set[str]:
    return {each.action for each in actions_for([Finding(kind, "something")], POLICY)}


@pytest.mark.parametrize("kind", ["drift", "column drift", "prediction drift"])
def test_drift_alone_has_more_read_and_blocks_nothing(kind: FindingKind) -> None:
    """Drift raises the audit share; no automatic decision and no promotion is blocked by it."""
    assert actions(kind) == {"audit more"}


def test_a_broken_feature_blocks_promotion_and_automatic_decisions() -> None:
    """A feature that no longer holds what it held voids what was certified and what would be judged."""
    assert actions("broken feature") == {"block promotion", "to people"}
    assert actions("broken column") == {"block promotion"}


@pytest.mark.parametrize("kind", ["error", "overrides", "calibration"])
def test_evidence_of_outcomes_does_what_the_policy_says(kind: FindingKind) -> None:
    """With a champion proved wrong, people decide or an earlier champion does: one of them, as the policy says."""
    assert actions(kind) == {"to people"}
    back = actions_for([Finding(kind, "something")], replace(POLICY, on_alarm="roll back"))
    assert [each.action for each in back] == ["rolled back"]


def test_a_policy_that_reads_no_more_on_drift_is_heard() -> None:
    """Where the factor is 1, drift raises no alarm that would change nothing."""
    assert actions_for([Finding("drift", "moved")], replace(POLICY, audit_on_drift=1.0)) == []


@pytest.mark.parametrize("kind", ["drift", "slice drift", "error burst"])
def test_where_nothing_is_read_somebody_looks(kind: FindingKind) -> None:
    """No alarm says that more is read where the policy has nothing read at all."""
    unread = replace(POLICY, audit=0.0, audit_floor=0)
    (action,) = actions_for([Finding(kind, "something")], unread)
    assert (action.action, action.alarm) == ("look", kind.removesuffix(" burst").removeprefix("slice "))


def test_nothing_found_has_no_consequence() -> None:
    """Without a finding there is no action, and every action says why and of what kind its alarm is."""
    assert actions_for([], POLICY) == []
    every = actions_for([Finding(kind, "x", "north") for kind in TABLE], POLICY)
    assert all(
        each.why and each.alarm in get_args(AlarmKind) and each.action in get_args(AlarmAction) for each in every
    )
    assert all(" in one segment" in each.as_row()["finding"] for each in every)
    assert not any("north" in each.as_row()["finding"] for each in every)  # rows go into reports and artifacts


def test_every_finding_has_its_consequence_and_its_line_in_the_reference() -> None:
    """The table of the docs is the table of the code: finding, action and condition, row by row."""
    assert set(TABLE) == set(get_args(FindingKind))
    page = REFERENCE.read_text()
    for kind, consequences in TABLE.items():
        for each in consequences:
            assert f"| {kind} | {each.action} | {each.when} | {each.why} |" in page
