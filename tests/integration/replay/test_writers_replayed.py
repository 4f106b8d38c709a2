"""A history with writers in it is replayed like any other, and what writers wrote stays in the case log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.replay import History, Reviewers, Schedule, replay, reproduce, write
from aiops_flows.replay.run import workspace_in
from tests.letters import LETTERS, REPLIES, SECRET, make_letters, make_outcomes

pytestmark = pytest.mark.slow


def test_a_replay_with_writers_decides_and_keeps_their_texts_to_itself(tmp_path: Path) -> None:
    """Policy decides as it does without them, its decisions are reproduced, and no file of the result quotes a text."""
    letters = make_letters(900)
    history = History.made(LETTERS, letters, make_outcomes(letters, summaries=True))
    done = replay(
        LETTERS, history, candidate=LETTERS, start=pd.Timestamp("2026-01-25", tz="UTC"),
        schedule=Schedule(retrain=timedelta(days=14), drift=timedelta(days=7)),
        reviewers=Reviewers(capacity_per_day=5.0), by="month", folder=tmp_path / "home",
    )  # fmt: skip
    side = done.present
    assert side.broken == []
    assert (side.ledger["by"] == "policy").mean() > 0.3
    assert not any("summary" in str(name) or "reply" in str(name) for name in side.ledger)
    with workspace_in(tmp_path / "home" / "present") as place:
        again = reproduce(place, LETTERS)
    assert again.holds, again.differences[:3]
    for file in write(done, tmp_path / "result"):
        content = file.read_bytes()
        assert not [text for text in (SECRET, *REPLIES.values()) if text.encode() in content], file.name
