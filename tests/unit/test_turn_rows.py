"""Rows of turns become conversations, and no row is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.sources import deliveries
from aiops_flows.steps.turn_rows import TurnRows
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case


class Ticket(Case):
    """A conversation with the channel it came by."""

    channel: str | None = None
    thread: Thread


TURNS = [
    {"ticket": "b", "who": "user", "said": "Hello", "time": "2026-01-02T10:00:00", "channel": "chat"},
    {"ticket": "a", "who": "client", "said": "It broke", "time": "2026-01-02T09:00:00", "channel": ""},
    {"ticket": "b", "who": "user", "said": "Anybody?", "time": "2026-01-02T10:05:00", "channel": ""},
    {"ticket": "b", "who": "bot", "said": "Yes?", "time": "2026-01-02T10:01:00", "channel": "phone"},
]


def form(path: Path) -> TurnRows:
    """How the turns stand in a file."""
    return TurnRows(path, case_id="ticket", speaker="who", text="said", at="time")


def test_the_rows_of_a_conversation_are_one_case(tmp_path: Path) -> None:
    """From CSV, JSON lines and Parquet: turns by their moments, the other columns by the first value there is."""
    frame = pd.DataFrame(TURNS)
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, TURNS)))
    for kind in ("csv", "parquet", "jsonl"):
        (delivery,) = deliveries(form(tmp_path / f"x.{kind}"))
        checked = check_rows(Ticket, delivery)
        assert checked.case_ids == ["b", "a"]
        assert checked.columns["channel"] == ["chat", None]
        first = checked.columns["thread"][0]
        assert [(turn["speaker"], turn["text"]) for turn in first] == [
            ("customer", "Hello"),
            ("agent", "Yes?"),
            ("customer", "Anybody?"),
        ]
        assert str(checked.columns["received_at"][0]) == "2026-01-02 10:05:00+00:00"


def test_turns_without_moments_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    """One moment that cannot be read leaves the whole conversation as it came, and is refused with the case."""
    frame = pd.DataFrame(TURNS).assign(time=["soon", *[turn["time"] for turn in TURNS[1:]]])
    frame.to_csv(tmp_path / "x.csv", index=False)
    (delivery,) = deliveries(form(tmp_path / "x.csv"))
    assert [turn["text"] for turn in delivery.rows[0]["thread"]] == ["Hello", "Anybody?", "Yes?"]
    checked = check_rows(Ticket, delivery)
    assert checked.case_ids == ["a"]
    assert "moment" in checked.refused[0].reason


def test_exports_parted_by_tabs_with_stray_quotes_are_read(tmp_path: Path) -> None:
    """As public dialogue files are written: only customers speak, and a quotation mark is a character."""
    (tmp_path / "x.tsv").write_text('id\tutterance\n1\tmy "new card\n1\tis lost\n2\thi\n3\ttoo\tmany\n')
    parted = TurnRows(tmp_path / "x.tsv", case_id="id", speaker=None, text="utterance", separator="\t", quoted=False)
    (delivery,) = deliveries(parted)
    assert [[turn["text"] for turn in row["thread"]] for row in delivery.rows] == [['my "new card', "is lost"], ["hi"]]
    assert len(delivery.unreadable) == 1


def test_a_turn_of_no_conversation_is_told_apart(tmp_path: Path) -> None:
    """It goes to quarantine as it came; an unknown speaker takes its conversation there."""
    lines = ["case_id,speaker,text", "1,customer,hello", ",agent,lost", "2,Ann,hello"]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    (delivery,) = deliveries(TurnRows(tmp_path / "x.csv"))
    checked = check_rows(Ticket, delivery)
    assert checked.case_ids == ["1"]
    assert sorted(row.stage for row in checked.refused) == ["intake", "read"]


def test_columns_that_are_not_there_are_said_at_once(tmp_path: Path) -> None:
    """The error names them."""
    (tmp_path / "x.csv").write_text("case_id,who,text\n1,user,hello\n")
    with pytest.raises(SourceError, match=r"lacks the columns \['speaker'\]"):
        list(deliveries(TurnRows(tmp_path / "x.csv")))
    with pytest.raises(SourceError, match="no such file"):
        list(deliveries(TurnRows(tmp_path / "y.tsv", separator="\t")))
