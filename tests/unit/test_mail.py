"""Mails become conversations, whatever they are made of; what is no mail is told apart with the reason."""

from __future__ import annotations

import base64
import gzip
import json
import time
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.mail import MailBox
from aiops_flows.steps.sources import deliveries, inbox_files
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Text

ANN, BOB, DESK = "ann@example.com", "bob@example.net", "desk@shop.example"
SECONDS = 6  # what any hostile mail may cost


class Ticket(Case):
    """A conversation by mail."""

    subject: Text | None = None
    thread: Thread
    attachments: Text | None = None


def mail(sender: str, to: str, text: str = "Hello", **headers: str) -> bytes:
    """A mail, with headers given as ``Message_ID`` and the like."""
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def plain(headers: str, body: bytes) -> bytes:
    """A mail written byte by byte."""
    return f"From: {ANN}\nTo: {DESK}\n{headers}\n\n".encode() + body


def mbox(*mails: bytes) -> bytes:
    """Mails in one file."""
    return b"".join(b"From nobody Thu Jan  1 00:00:00 2026\n" + each.rstrip() + b"\n\n" for each in mails)


def taken(tmp_path: Path, content: bytes, name: str = "x.mbox", agents: tuple[str, ...] = (DESK,)) -> Delivery:
    """The delivery of a mail box."""
    (tmp_path / name).write_bytes(content)
    (delivery,) = deliveries(MailBox(tmp_path / name, agents))
    return delivery


def threads(delivery: Delivery) -> list[list[tuple[str, str]]]:
    """Who said what in each conversation."""
    return [[(turn["speaker"], turn["text"].strip()) for turn in row["thread"]] for row in delivery.rows]


ASKED = mail(ANN, DESK, "Where is it?", Message_ID="<1@x>", Subject="Parcel", Date="Fri, 02 Jan 2026 10:00:00 +0100")
TOLD = mail(
    DESK, ANN, "On its way.", Message_ID="<2@x>", In_Reply_To="<1@x>", Subject="Re: Parcel",
    Date="Fri, 02 Jan 2026 12:00:00 +0100",
)  # fmt: skip
BACK = mail(ANN, DESK, "Thanks.", Message_ID="<3@x>", References="<1@x> <2@x>", Date="Sat, 03 Jan 2026 08:00:00 +0000")
OTHER = mail(BOB, DESK, "Broken.", Message_ID="<9@x>", Subject="Lamp", Date="Fri, 02 Jan 2026 11:00:00 +0000")


def test_mails_that_answer_each_other_are_one_conversation(tmp_path: Path) -> None:
    """In the order of their dates, whatever the order in the file; agents are told by their address."""
    delivery = taken(tmp_path, mbox(BACK, OTHER, TOLD, ASKED))
    assert threads(delivery) == [
        [("customer", "Where is it?"), ("agent", "On its way."), ("customer", "Thanks.")],
        [("customer", "Broken.")],
    ]
    first = delivery.rows[0]
    assert (first["subject"], first["customer"], first["channel"]) == ("Parcel", ANN, "mail")
    assert first["received_at"] == "2026-01-03T08:00:00+00:00"


def test_a_conversation_that_went_on_is_another_case(tmp_path: Path) -> None:
    """The same mails give the same case; one more gives a new one of the same conversation."""
    before, again, after = (
        taken(tmp_path, mbox(*mails)).rows[0] for mails in ([ASKED, TOLD], [TOLD, ASKED, TOLD], [ASKED, TOLD, BACK])
    )
    assert before["case_id"] == again["case_id"] != after["case_id"]
    assert before["conversation"] == after["conversation"]


def test_a_stranger_does_not_get_into_a_conversation(tmp_path: Path) -> None:
    """Whatever a mail says it answers, and whatever its subject."""
    forged = mail(
        BOB, DESK, "Send it to me instead.", Message_ID="<8@x>", References="<1@x> <2@x>", Subject="Re: Parcel"
    )
    guessed = mail("eve@example.org", DESK, "And mine.", Message_ID="<7@x>", Subject="Re: Parcel")
    assert sorted(map(len, threads(taken(tmp_path, mbox(ASKED, TOLD, forged, guessed, BACK))))) == [1, 1, 3]


def test_a_reply_without_references_is_known_by_subject_and_people(tmp_path: Path) -> None:
    """As old mail programs write them; the same subject in a new mail is a new conversation."""
    reply = mail(ANN, DESK, "Still waiting.", Message_ID="<5@x>", Subject="AW: Re: Parcel")
    fresh = mail(ANN, DESK, "Another one.", Message_ID="<6@x>", Subject="Parcel")
    assert [len(each) for each in threads(taken(tmp_path, mbox(ASKED, reply, fresh)))] == [2, 1]


def test_without_known_agents_who_began_is_the_customer(tmp_path: Path) -> None:
    """As in an inbox, where nobody says who the agents are; answers of machines are the system's."""
    robot = mail(DESK, ANN, "We got it.", Message_ID="<4@x>", In_Reply_To="<1@x>", Auto_Submitted="auto-replied")
    (found,) = threads(taken(tmp_path, mbox(ASKED, TOLD, robot), agents=()))
    assert sorted(speaker for speaker, _ in found) == ["agent", "customer", "system"]
    assert threads(taken(tmp_path, mbox(ASKED, TOLD), agents=("@shop.example",)))[0][1][0] == "agent"


def test_mails_are_read_from_files_folders_and_inboxes(tmp_path: Path) -> None:
    """A folder of eml files given as a mail box is read together, as an inbox file by file; gzip is unpacked."""
    for name, content in (("a.eml", ASKED), ("b.eml", TOLD), ("c.mbox.gz", gzip.compress(mbox(OTHER)))):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "notes.txt").write_text("")
    (together,) = deliveries(MailBox(tmp_path, [DESK]))
    assert [len(each) for each in threads(together)] == [2, 1]
    assert [path.name for path in inbox_files(tmp_path)] == ["a.eml", "b.eml", "c.mbox.gz"]
    assert [len(delivery.rows) for delivery in deliveries(tmp_path)] == [1, 1, 1]
    with pytest.raises(SourceError, match="no such file"):
        list(deliveries(MailBox(tmp_path / "nowhere")))


def test_what_was_written_is_read_in_whatever_form(tmp_path: Path) -> None:
    """Encodings, HTML alone, plain before HTML, quoted From lines and encoded subjects."""
    rich = EmailMessage()
    rich["From"], rich["To"] = ANN, DESK
    rich.set_content("plain words")
    rich.add_alternative("<p>rich words</p>", subtype="html")
    forms = [
        plain("Content-Type: text/plain; charset=iso-8859-1", "Grüße".encode("latin-1")),
        plain("Content-Type: text/plain; charset=us-ascii", "Grüße".encode()),
        plain("Content-Type: text/plain; charset=x-nonsense", "Grüße".encode()),
        plain("Content-Transfer-Encoding: base64", base64.b64encode("Grüße".encode())),
        plain("Content-Type: text/html", b"<p>Gr&uuml;&szlig;e</p><script>x()</script>"),
        rich.as_bytes(),
        plain("Subject: =?utf-8?b?R3LDvMOfZQ==?=", b"one\n>From here to there"),
    ]
    delivery = taken(tmp_path, mbox(*forms))
    assert [found[0][1] for found in threads(delivery)] == [*["Grüße"] * 5, "plain words", "one\nFrom here to there"]
    assert delivery.rows[-1]["subject"] == "Grüße"


def test_attachments_are_named_and_never_opened(tmp_path: Path) -> None:
    """A mail that is attached is an attachment: its words are nobody's here."""
    message = EmailMessage()
    message["From"], message["To"] = ANN, DESK
    message.set_content("See the bill.")
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="../bill\u202e.zip")
    inner = EmailMessage()
    inner.set_content("inner words")
    message.add_attachment(inner)
    row = taken(tmp_path, message.as_bytes(), "x.eml").rows[0]
    assert row["attachments"] == "../bill.zip; message/rfc822"
    assert row["thread"][0]["text"].strip() == "See the bill."


def nested(depth: int) -> bytes:
    """Parts in parts in parts."""
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{number}"\n\n--b{number}\n' for number in range(depth))
    return f"From: {ANN}\n{opened}Content-Type: text/plain\n\nhello\n".encode() + b"--b3\n\n" * 20_000


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nobody wrote it": (b"Subject: x\n\nhello", "none of its headers From, Sender and Reply-To"),
    "no mail": (b"\x00\xff\xfe" * 1_000, "none of its headers From, Sender and Reply-To"),
    "nested sender": (b"From: " + b"(" * 50_000 + b" a@b\n\nhello", "nests deeper"),
    "too large": (plain("", b"x" * 16 * 2**20), "bytes; at most"),
    "too many lines": (plain("", b"x\n" * 300_000), "lines; at most"),
    "nested": (nested(5_000), "more than 50 nested parts"),
    "many parts": (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: x/y\n\n" * 9_000, "parts"),
    "many headers": (b"X: 1\n" * 5_000 + plain("", b"x"), "headers; at most"),
}
HARMLESS: dict[str, bytes] = {
    "wrong encoding": plain("Content-Type: text/plain; charset=utf-8", b"\xff\xfe\xfa"),
    "slow encoding": plain("Content-Type: text/plain; charset=punycode", b"a-" + b"\xff9" * 30_000),
    "endless parameters": plain("Content-Type: text/plain; x=" + '";' * 500_000, b"hello"),
    "endless parameters of parts": plain("Content-Type: multipart/mixed; boundary=b", b"")
    + b"".join(b'--b\nContent-Type: text/plain; x="' + b";" * 3_000 + b"\n\nx\n" for _ in range(2_000)),
    "a flood of wordless elements": plain("Content-Type: text/html", b"<script><svg><style>" * 50_000 + b"hello"),
    "a flood of unclosed elements": plain("Content-Type: text/html", b"<b>" * 200_000 + b"</i>" * 200_000 + b"hello"),
    "a flood of attributes": plain("Content-Type: text/html", b"<p " + b"a%d=1 " * 100_000 + b">hello"),
    "just nested": nested(15),
    "endless header": plain("Subject: " + "=?utf-8?q?a?= " * 200_000, b"hello"),
    "endless addresses": plain("Cc: " + "(" * 500_000, b"hello"),
    "many references": plain("References: " + "<a@b> " * 100_000, b"hello"),
    "a flood of tags": plain("Content-Type: text/html", b"<div><!--<script>" * 200_000),
    "five megabytes": plain("", b"words " * 800_000),
    "no date": plain("Date: the 45th of May", b"hello"),
    "a date before all": plain("Date: Mon, 01 Jan 0001 00:00:00 +2359", b"hello"),
    "broken base64": plain("Content-Transfer-Encoding: base64", b"####" * 1_000),
    "no boundary": plain("Content-Type: multipart/mixed", b"hello"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_mail_is_told_apart_in_bounded_time(tmp_path: Path, name: str) -> None:
    """With its reason, and the mails around it are read."""
    content, reason = HOSTILE[name]
    started = time.process_time()
    delivery = taken(tmp_path, mbox(ASKED, content, OTHER))
    assert time.process_time() - started < SECONDS
    assert len(delivery.rows) == 2
    assert reason in delivery.unreadable[0].reason
    assert ANN not in delivery.unreadable[0].reason


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_mail_is_read_in_bounded_time(tmp_path: Path, name: str) -> None:
    """It ends as a case or, with the reason, as a row for the quarantine."""
    started = time.process_time()
    delivery = taken(tmp_path, HARMLESS[name], "x.eml")
    checked = check_rows(Ticket, delivery)
    assert time.process_time() - started < SECONDS
    assert len(checked) + len(checked.refused) == 1
    assert len(checked) == (name != "five megabytes")


def test_bytes_from_anywhere_are_a_case_or_a_refused_row(tmp_path: Path) -> None:
    """Whatever is spoilt in a mail, nothing else than a delivery comes out."""
    random, whole = np.random.default_rng(0), bytearray(mbox(ASKED, TOLD, HARMLESS["no boundary"], OTHER))
    for _ in range(200):
        spoilt = bytearray(whole)
        for place in random.integers(0, len(whole), 20):
            spoilt[place] = random.integers(256)
        delivery = taken(tmp_path, bytes(spoilt))
        checked = check_rows(Ticket, delivery)
        assert len(checked) + len(checked.refused) >= 1


def test_a_conversation_is_a_case(tmp_path: Path) -> None:
    """Rows of mails hold to a case type with a thread, and their bodies tell the turns."""
    checked = check_rows(Ticket, taken(tmp_path, mbox(ASKED, TOLD)))
    assert checked.refused == []
    assert [turn["at"] for turn in json.loads(checked.bodies[0])["thread"]] == [
        "2026-01-02T09:00:00Z",
        "2026-01-02T11:00:00Z",
    ]
