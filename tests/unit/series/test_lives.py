"""What becomes known of machines: failures, services and machines that still run."""

from __future__ import annotations

import pandas as pd

from aiops_flows.series.lives import life_outcomes


def looks(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["machine", "received_at", "age"])
    return frame.assign(case_id=frame["machine"] + "/" + frame["received_at"])


def ends(*rows: tuple[str, str, int, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["machine", "at", "age", "failed"])


def test_a_failure_tells_both_outcomes_of_every_look_before_it() -> None:
    """Within the horizon it failed, before that not; the remaining life is counted, and cut at its longest."""
    cases = looks(("a", "2026-01-01", 1), ("a", "2026-01-21", 21), ("a", "2026-01-28", 28))
    told = life_outcomes(cases, ends(("a", "2026-01-30", 30, True)), horizon=5, longest=20)
    failure = told.dropna(subset="failure").set_index("case_id")["failure"]
    assert failure.tolist() == ["no", "no", "yes"]
    assert told.dropna(subset="remaining")["remaining"].tolist() == [20.0, 9.0, 2.0]


def test_of_a_serviced_machine_only_what_it_outlived_is_known() -> None:
    """Whether it would have failed after its service nobody knows, so nothing is told; a machine that runs on alike."""
    cases = looks(("a", "2026-01-01", 1), ("a", "2026-01-28", 28))
    told = life_outcomes(cases, ends(("a", "2026-01-30", 30, False)), horizon=5, longest=20)
    assert told["case_id"].tolist() == ["a/2026-01-01", "a/2026-01-01"]
    assert told["failure"].dropna().tolist() == ["no"]
    assert told["remaining"].dropna().tolist() == [20.0]


def test_a_look_belongs_to_the_life_in_which_it_was_taken() -> None:
    """A machine may end several lives; a look after the last known end has no outcome."""
    cases = looks(("a", "2026-01-05", 5), ("a", "2026-02-05", 5), ("a", "2026-03-05", 5), ("b", "2026-01-05", 5))
    told = life_outcomes(
        cases, ends(("a", "2026-01-08", 8, True), ("a", "2026-02-20", 20, True)), horizon=5, longest=9
    ).dropna(subset="failure")
    assert dict(zip(told["case_id"], told["failure"], strict=True)) == {"a/2026-01-05": "yes", "a/2026-02-05": "no"}


def test_short_lives_are_not_known_before_long_ones() -> None:
    """An outcome is known after its horizon, whatever it is: as soon as known, failures would come first."""
    cases = looks(("a", "2026-01-01", 1), ("b", "2026-01-01", 1))
    told = life_outcomes(
        cases, ends(("a", "2026-01-02", 2, True), ("b", "2026-03-01", 60, True)), horizon=5, longest=20
    )
    for name, days in (("failure", 5), ("remaining", 20)):
        known = told.dropna(subset=name)["known_at"].unique()
        assert list(known) == [pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=days)]
