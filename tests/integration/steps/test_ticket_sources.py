"""Tickets come as JSON lines, as a CSV of turns, or as a mailbox, and are the same conversation in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.message import EmailMessage
from mailbox import mbox
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.case_log import questions
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.sources import MailBox, TurnRows
from aiops_flows.steps.workspace import Workspace
from flows.customer_service import CUSTOMER_SERVICE

TURNS = [
    ("customer", "My parcel has not arrived."),
    ("agent", "Could you give me the order number?"),
    ("customer", "It is A42386."),
]


def as_json_lines(folder: Path) -> str:
    """One object a ticket, its turns nested."""
    thread = [{"speaker": speaker, "text": text} for speaker, text in TURNS]
    (folder / "tickets.jsonl").write_text(json.dumps({"case_id": "T-1", "thread": thread}))
    return str(folder / "tickets.jsonl")


def as_transcript(folder: Path) -> str:
    """A CSV with the whole conversation in one field."""
    said = "\n".join(f"{speaker.title()}: {text}" for speaker, text in TURNS)
    (folder / "tickets.csv").write_text(f'case_id,thread\nT-1,"{said}"\n')
    return str(folder / "tickets.csv")


def as_rows(folder: Path) -> TurnRows:
    """A CSV with one row a turn."""
    lines = "".join(f"T-1,{speaker},{text}\n" for speaker, text in TURNS)
    (folder / "turns.csv").write_text(f"ticket,who,words\n{lines}")
    return TurnRows(folder / "turns.csv", case_id="ticket", speaker="who", text="words")


def as_mailbox(folder: Path) -> MailBox:
    """An mbox of three mails, each an answer to the one before."""
    box = mbox(folder / "export.mbox")
    for number, (speaker, text) in enumerate(TURNS):
        mail = EmailMessage()
        mail["From"] = "buyer@example.com" if speaker == "customer" else "support@example.com"
        mail["To"] = "support@example.com"
        mail["Subject"] = "Parcel" if number == 0 else "Re: Parcel"
        mail["Date"] = f"Mon, 05 Jan 2026 10:0{number}:00 +0000"
        mail["Message-ID"] = f"<{number}@example.com>"
        if number:
            mail["In-Reply-To"] = f"<{number - 1}@example.com>"
            mail["References"] = " ".join(f"<{before}@example.com>" for before in range(number))
        mail.set_content(text)
        box.add(mail)
    box.flush()
    return MailBox(folder / "export.mbox", agents=["support@example.com"])


@pytest.mark.parametrize("written", [as_json_lines, as_transcript, as_rows, as_mailbox])
def test_a_conversation_is_the_same_whatever_it_came_in(
    place: Workspace, tmp_path: Path, written: Callable[[Path], Any]
) -> None:
    """The same turns of the same speakers in the same order, and the same words for the models."""
    cases = take_in(place, CUSTOMER_SERVICE, written(tmp_path))
    assert questions.quarantine(place.log, CUSTOMER_SERVICE.name).empty
    (thread,) = cases["thread"]
    assert [(turn["speaker"], turn["text"].strip()) for turn in thread] == TURNS
    assert "My parcel has not arrived." in cases["words"].iloc[0]
    assert "order number?" not in cases["words"].iloc[0]
