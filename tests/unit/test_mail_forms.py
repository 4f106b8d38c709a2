"""Mails in whatever encoding, with whatever parts and in whatever mbox file: no word and no customer is lost."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.mail import MailBox
from aiops_flows.steps.sources import deliveries

ANN, BOB, DESK = "ann@example.com", "bob@example.net", "desk@shop.example"
BOUNDARY = b"From x Thu Jan  1 00:00:00 2026\n"


def taken(tmp_path: Path, content: bytes, name: str = "x.eml", agents: tuple[str, ...] = (DESK,)) -> Delivery:
    """The delivery of a mail box."""
    (tmp_path / name).write_bytes(content)
    (delivery,) = deliveries(MailBox(tmp_path / name, agents))
    return delivery


def texts(delivery: Delivery) -> list[str]:
    """What was written in each conversation."""
    return ["|".join(turn["text"].strip() for turn in row["thread"]) for row in delivery.rows]


def mail(body: bytes, headers: bytes = b"", sender: bytes = b"ann@example.com") -> bytes:
    """A mail, byte by byte."""
    return b"From: " + sender + b"\nTo: desk@shop.example\n" + headers + b"\n" + body


def typed(content_type: str, body: bytes, encoding: str = "8bit") -> bytes:
    """A mail of one part."""
    return mail(body, f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n".encode())


@pytest.mark.parametrize(
    ("charset", "body", "words"),
    [
        ("iso-8859-1", "I paid € 80 and it\u2019s broken".encode("cp1252"), "I paid € 80 and it\u2019s broken"),
        ("us-ascii", "It\u2019s broken".encode("cp1252"), "It\u2019s broken"),
        ("iso-8859-1", "Grüße, 80 €".encode(), "Grüße, 80 €"),
        ("iso-8859-15", "80 €".encode("iso-8859-15"), "80 €"),
        ("utf-8", b"caf\xe9", "café"),
        ("utf-8", "Grüße für Müller, caf".encode() + b"\xe9", "Grüße für Müller, café"),
        ("utf-8", "日本語のメール".encode()[:-1], "日本語のメーãƒ"),
        ("x-nonsense", "Grüße".encode("cp1252"), "Grüße"),
        ("unknown-8bit", "Grüße".encode(), "Grüße"),
        ("windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
        ("shift_jis", "壊れました①".encode("cp932"), "壊れました①"),
        ("gb2312", "灯坏了镕".encode("gbk"), "灯坏了镕"),
        ("iso-2022-jp", "ランプが壊れました".encode("iso2022_jp"), "ランプが壊れました"),
        ("us-ascii", "ランプが壊れました".encode("iso2022_jp"), "ランプが壊れました"),
        ("utf-8", "Здравствуйте, моя лампа сломалась".encode("koi8_r"), "Здравствуйте, моя лампа сломалась"),
        ("utf-8", "\ufeffbroken".encode(), "broken"),
        ("utf-8", "broken".encode("utf-16"), "broken"),
        ("utf-8", b"bro\0ken", "broken"),
        ("utf-7", b"caf+AOk-", "café"),
    ],
)
def test_a_wrongly_named_encoding_loses_no_word(tmp_path: Path, charset: str, body: bytes, words: str) -> None:
    """The name is read as browsers read it; where it does not fit the bytes, the usual fall-backs are taken."""
    assert texts(taken(tmp_path, typed(f"text/plain; charset={charset}", body))) == [words]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Please help, café".encode("cp1252"), "Please help, café"),
        ("Please help, café".encode(), "Please help, café"),
        ("Моя лампа сломалась, верните деньги".encode("cp1251"), "Моя лампа сломалась, верните деньги"),
        ("ランプが壊れました".encode("iso2022_jp"), "ランプが壊れました"),
    ],
)
def test_a_mail_without_an_encoding_is_read(tmp_path: Path, body: bytes, words: str) -> None:
    """Without a charset, and without a content type at all."""
    assert texts(taken(tmp_path, typed("text/plain", body))) == [words]
    assert texts(taken(tmp_path, mail(body))) == [words]


@pytest.mark.parametrize(
    ("headers", "subject"),
    [
        (b"Subject: =?utf-8?Q?Caf=E9?=\n", "Café"),
        (b"Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=\n", "Grüße"),
        (b"Subject: =?iso-8859-1?Q?80_=80?= now\n", "80 € now"),
        (b"Subject: =?x-nonsense?Q?Gr=C3=BC=C3=9Fe?=\n", "Grüße"),
        (b"Subject: =?utf-8?B?R3LDvMOfZQ?=\n", "Grüße"),
        (b"Subject: =?utf-8*en?Q?Hello?=\n", "Hello"),
        (b"Subject: =?utf-8?B?#?=\n", "=?utf-8?B?#?="),
        ("Subject: Grüße aus C:\\users\n".encode(), "Grüße aus C:\\users"),
        ("Subject: Grüße\n".encode("cp1252"), "Grüße"),
        ("Subject: 壊れた\n =?utf-8?Q?=E3=83=A9?=\n".encode(), "壊れた ラ"),
    ],
)
def test_a_subject_is_read_in_whatever_form(tmp_path: Path, headers: bytes, subject: str) -> None:
    """Encoded words, raw UTF-8 (RFC 6532), raw bytes; what cannot be read stays, and the mail is taken."""
    delivery = taken(tmp_path, mail(b"Please cancel my order.", headers))
    assert [row["subject"] for row in delivery.rows] == [subject]


@pytest.mark.parametrize(
    ("one", "other", "people"),
    [
        ("jörg@example.com", "jürg@example.com", 2),
        ("jorg@example.com", "jörg@example.com", 2),
        ("ann@bücher.example", "ann@bucher.example", 2),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", 1),
        ("jo\u0308rg@example.com", "j\u00f6rg@example.com", 1),
        ("Ann@Example.com", "ann@example.COM", 1),
        ("ann+a@example.com", "ann+b@example.com", 2),
    ],
)
def test_addresses_are_compared_exactly(tmp_path: Path, one: str, other: str, people: int) -> None:
    """One letter makes another person; case, composition and the two forms of a domain do not."""
    mails = [mail(b"Charged twice.", b"Subject: Re: Help\n", sender.encode()) for sender in (one, other)]
    delivery = taken(tmp_path, b"".join(BOUNDARY + each + b"\n\n" for each in mails), "x.mbox")
    assert len(delivery.rows) == people
    assert len({row["customer"] for row in delivery.rows}) == people


def test_a_display_name_is_no_address(tmp_path: Path) -> None:
    """What is written in an encoded name is neither parsed nor taken for who wrote."""
    sender = b"=?utf-8?Q?M=C3=BCller=2C_Ann_=22boss=40shop.example=22?= <ann@example.com>"
    assert taken(tmp_path, mail(b"Hello", sender=sender)).rows[0]["customer"] == ANN


def test_a_mail_without_from_is_known_by_another_header(tmp_path: Path) -> None:
    """Sender and Reply-To say as well who is to be answered."""
    assert taken(tmp_path, b"Reply-To: ann@example.com\nFrom: Ann\n\nHello").rows[0]["customer"] == ANN


def part(content_type: str, body: str, more: str = "") -> str:
    """One part of a mail."""
    return f"--b\nContent-Type: {content_type}\n{more}\n{body}\n"


def multipart(kind: str, *parts: str) -> bytes:
    """A mail of several parts."""
    return mail(("".join(parts) + "--b--\n").encode(), f"Content-Type: multipart/{kind}; boundary=b\n".encode())


WORDS = "My parcel 4711 never came."
HTML, FOOTER = "<p>My parcel <b>4711</b> never came.</p>", "This e-mail is confidential."


PLAIN, PICTURE = part("text/plain", WORDS), part("image/png", "x")


def inner(kind: str, *parts: str) -> str:
    """A part that is made of parts."""
    content = "".join(parts).replace("--b\n", "--c\n") + "--c--\n"
    return f"--b\nContent-Type: multipart/{kind}; boundary=c\n\n{content}\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (multipart("mixed", part("text/html", HTML), part("text/plain", FOOTER)), f"{WORDS}\n\n{FOOTER}"),
        (multipart("mixed", part("text/plain", "One"), part("text/plain", "Two")), "One\n\nTwo"),
        (multipart("alternative", PLAIN, part("text/html", HTML)), WORDS),
        (multipart("alternative", part("text/plain", "  "), part("text/html", HTML)), WORDS),
        (multipart("alternative", part("text/plain", "See HTML"), part("text/html", f"<p>{WORDS * 3}")), WORDS * 3),
        (multipart("related", part("text/html", HTML), PICTURE), WORDS),
        (multipart("mixed", inner("alternative", PLAIN, part("text/html", HTML)), part("text/plain", FOOTER)),
         f"{WORDS}\n\n{FOOTER}"),
        (multipart("alternative", PLAIN, inner("related", part("text/html", HTML), PICTURE)), WORDS),
        (multipart("mixed", PLAIN, part("text/plain", "his", "Content-Disposition: attachment; filename=a.txt\n")),
         WORDS),
        (multipart("signed", PLAIN, part("application/pgp-signature", "x")), WORDS),
    ],
)  # fmt: skip
def test_all_texts_of_a_mail_count_and_one_of_alternatives(tmp_path: Path, content: bytes, words: str) -> None:
    """A disclaimer beside HTML hides nothing; only multipart/alternative says the same twice."""
    assert texts(taken(tmp_path, content)) == [words]


def test_html_keeps_its_lines_and_marks_what_it_quotes(tmp_path: Path) -> None:
    """Lists, tables and paragraphs on lines of their own; quotations as plain-text mails write them."""
    page = (
        "<meta charset=iso-8859-1><style>p{}</style><p>Caf\u00e9:</p><ul><li>one<li>two</ul>"
        "<table><tr><td>Qty<td>3</table>"
        '<span style="display:none">hidden</span><blockquote type="cite">his<blockquote>hers</blockquote></blockquote>'
        '<div id="divRplyFwdMsg"><b>Fra:</b> Desk<br><b>Sendt:</b> i dag</div><p>Old'
    )
    (words,) = texts(taken(tmp_path, typed("text/html", page.encode("cp1252"))))
    assert [line for line in words.split("\n") if line.strip("> ")] == [
        "Café:", "- one", "- two", "Qty 3", "> his", "> > hers", "-----Original Message-----", "Fra: Desk",
        "Sendt: i dag", "Old",
    ]  # fmt: skip


def test_bad_transfer_encodings_lose_no_mail(tmp_path: Path) -> None:
    """Base64 with foreign characters, quoted-printable with broken escapes, and an encoding nobody knows."""
    broken = base64.b64encode(b"Please help me now").replace(b"I", b"\xe9I", 1)
    assert texts(taken(tmp_path, typed("text/plain", broken, "base64"))) == ["Please help me now"]
    assert texts(taken(tmp_path, typed("text/plain", b"caf=E9 =ZZ =", "quoted-printable"))) == ["café =ZZ"]
    assert texts(taken(tmp_path, typed("text/plain", b"Please help", "x-unknown"))) == ["Please help"]


def box(*pieces: bytes) -> bytes:
    """An mbox file of two mails, joined by whatever stands between them."""
    return BOUNDARY + b"From: a@example.com\nSubject: Lamp\n\nMy lamp broke.\n" + b"".join(pieces)


BOTH = ["My lamp broke.", "My chair broke."]
SECOND = b"From: b@example.com\nSubject: Chair\n\nMy chair broke.\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (box(BOUNDARY, SECOND), BOTH),
        (box(b"\n", BOUNDARY, SECOND), BOTH),
        (box(b"\n", b"From - Thu, 01 Jan 2026 00:00:00 +0000\n", SECOND), BOTH),
        (box(b"\n", b"From b at example.com  Thu Jan  1 00:00:00 2026\n", SECOND), BOTH),
        (box(b"\n", b"From 15@xxx Thu Jan 01 00:00:00 +0000 2026\n", SECOND), BOTH),
        (box(b"\n", b"From b@example.com\nMessage-ID: <1@x>\n", SECOND), BOTH),
        (box(b"\n", b"From the first day it flickered.\n"), ["My lamp broke.\n\nFrom the first day it flickered."]),
        (box(b"From 5 May 2026 at 10:00 on.\n"), ["My lamp broke.\nFrom 5 May 2026 at 10:00 on."]),
        (box(b"\nFrom Berlin on:\nFrom: Berlin\nTo: Paris\n"),
         ["My lamp broke.\n\nFrom Berlin on:\nFrom: Berlin\nTo: Paris"]),
        (box(b"\n>From the start.\n>>From then on.\n"), ["My lamp broke.\n\nFrom the start.\n>From then on."]),
        (box(b"\n", BOUNDARY, SECOND).replace(b"\n", b"\r\n"), BOTH),
        (b"\n" + box(), ["My lamp broke."]),
    ],
)  # fmt: skip
def test_a_boundary_in_an_mbox_file_has_two_signs(tmp_path: Path, content: bytes, words: list[str]) -> None:
    """A date as mail programs write it, headers after it, a blank line before it: one of them alone cuts nothing."""
    assert [text.replace("\r\n", "\n") for text in texts(taken(tmp_path, content, "x.mbox"))] == words


def measured(body: bytes, sender: bytes, length: int | None = None) -> bytes:
    """A mail of an mbox file that states its length."""
    stated = str(len(body) if length is None else length).encode()
    return BOUNDARY + b"From: " + sender + b"\nContent-Length: " + stated + b"\n\n" + body + b"\n"


def test_lengths_count_where_all_mails_state_them(tmp_path: Path) -> None:
    """A mailbox within a mail is then one mail; a single mail that states a length hides none of the next."""
    body = b"See this:\n\n" + BOUNDARY + SECOND
    assert len(taken(tmp_path, measured(body, b"a@x.org") + measured(b"Hello\n", b"c@x.org"), "x.mbox").rows) == 2
    hiding = measured(b"Hello\n", b"a@x.org", len(b"Hello\n\n" + BOUNDARY + SECOND)) + BOUNDARY + SECOND
    assert len(taken(tmp_path, hiding + BOUNDARY + SECOND.replace(b"b@", b"c@"), "x.mbox").rows) == 3


def test_a_repeated_message_id_loses_no_customer(tmp_path: Path) -> None:
    """A form on a web site sends all its mails with one id: in one file, and in two that come one after another."""
    one, other = (
        mail(f"{words}\n".encode(), b"Message-ID: <form@site>\nSubject: Form\n", sender)
        for words, sender in (("My first question.", b"a@example.com"), ("Another customer.", b"b@example.com"))
    )
    together = taken(tmp_path, BOUNDARY + one + b"\n" + BOUNDARY + other + b"\n" + BOUNDARY + one, "x.mbox")
    assert sorted(texts(together)) == ["Another customer.", "My first question."]
    apart = [taken(tmp_path, each, f"{number}.eml").rows[0] for number, each in enumerate((one, other))]
    assert len({row["case_id"] for row in (*apart, *together.rows)}) == 2

    later = mail(b"And now this.\n", b"Message-ID: <form@site>\nSubject: Form\n", b"a@example.com")
    assert len({row["case_id"] for row in (*apart, taken(tmp_path, later, "3.eml").rows[0])}) == 3


def test_answers_to_a_repeated_message_id_go_to_their_customer(tmp_path: Path) -> None:
    """The id says nothing, the people do."""
    asked = [
        mail(f"I am {name}.\n".encode(), b"Message-ID: <form@site>\n", f"{name}@example.com".encode())
        for name in ("a", "b")
    ]
    answer = b"From: desk@shop.example\nTo: a@example.com\nIn-Reply-To: <form@site>\n\nHello a.\n"
    delivery = taken(tmp_path, b"".join(BOUNDARY + each + b"\n" for each in (*asked, answer)), "x.mbox")
    assert sorted(texts(delivery)) == ["I am a.|Hello a.", "I am b."]


def test_long_headers_are_read_as_far_as_real_mails_go(tmp_path: Path) -> None:
    """The thousandth receiver may answer, and the nearest references count; what is cut beyond is reported."""
    people = ", ".join(f"person{number}@long.example.net" for number in range(2_000))
    first = f"From: a@example.com\nTo: {people}\nMessage-ID: <m1@e>\n\nHello all\n".encode()
    late = b"From: person1999@long.example.net\nTo: a@example.com\nIn-Reply-To: <m1@e>\n\nMy answer\n"
    assert len(taken(tmp_path, BOUNDARY + first + b"\n" + BOUNDARY + late, "x.mbox").rows) == 1

    references = " ".join(f"<{number}.{'x' * 60}@example.com>" for number in range(3_000))
    deep = f"From: a@example.com\nReferences: {references} <m1@e>\n\nMy answer\n".encode()
    delivery = taken(tmp_path, BOUNDARY + first + b"\n" + BOUNDARY + deep, "x.mbox")
    assert len(delivery.rows) == 1
    assert {(part.thing, part.reason) for part in delivery.left_out} == {
        ("header end", "a header references is longer than is read"),
        ("header end", "older references than the nearest 500"),
    }


@pytest.mark.parametrize(
    "headers",
    [
        b"From: MAILER-DAEMON (Mail Delivery System)\n",
        b"From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\n",
        b"Return-Path: <>\nFrom: postmaster@mx.example.net\n",
        b"From: ann@example.com\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n",
    ],
)
def test_a_bounce_is_set_aside_with_its_real_reason(tmp_path: Path, headers: bytes) -> None:
    """A mail server wrote it, about a mail that did not arrive; an ordinary mail to a postmaster is none."""
    (refused,) = taken(tmp_path, headers + b"Subject: Undelivered\n\nThe address failed\n").unreadable
    assert "could not be delivered" in refused.reason
    assert not taken(tmp_path, mail(b"Hello", sender=b"postmaster@example.com")).unreadable
