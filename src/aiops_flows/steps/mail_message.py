"""One mail, read within bounds: what it costs is limited before it is parsed, and nothing in it is opened or run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from aiops_flows.sources.left_out import LeftOut
from aiops_flows.steps.mail_headers import BoundedHeaders, MailRefused, addresses, header_text, message_ids, words_read
from aiops_flows.texts.charsets import decoded_text
from aiops_flows.texts.html_text import html_lines

__all__ = ["Mail", "MailRefused", "digest_of", "read_mail"]

_MOST_BYTES, _MOST_LINES, _MOST_HEADERS = 15 * 2**20, 250_000, 1_000
_MOST_ANSWERED, _MOST_ATTACHMENTS = 500, 50
_LONGEST_SUBJECT = 2_000
_LONGEST_DATE = 200
_LITTLE_OF_THE_HTML = 0.25
"""A plain alternative with a smaller share of the letters stands in for the HTML, it does not repeat it."""
_META_CHARSET = re.compile(rb"<meta\s[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_META_PLACE = 2_048
_FORWARDED = re.compile(r"\s*(?:fwd?|wg|tr|rv|enc|i|vs|vb|doorst|pd|wtr|vl|fw)\s*:", re.IGNORECASE)
_MACHINES = ("mailer-daemon", "mail delivery s", "mail delivery system", "postmaster")
_REPORTS = {
    "delivery-status": "a report that a mail could not be delivered",
    "disposition-notification": "a receipt that a mail was displayed",
    "feedback-report": "a report of a complaint about a mail",
}


@dataclass(frozen=True)
class Mail:
    """What is taken from a message."""

    name: str
    """What it is recognised by: its id, with its sender, date and content where such an id may come again."""
    message_id: str | None
    """The id under which other mails answer it."""
    answers: tuple[str, ...]
    """The ids of what it answers, the nearest first."""
    sender: str
    people: frozenset[str]
    """Sender and receivers."""
    subject: str
    at: datetime | None
    text: str
    attachments: tuple[str, ...]
    by_machine: bool
    """It says of itself that no person sent it (RFC 3834)."""
    cut: tuple[LeftOut, ...] = ()
    """What was longer than is read."""


def read_mail(raw: bytes) -> Mail:
    """A message as far as a conversation needs it.

    Raises:
        MailRefused: it is larger than is read, its form is broken, or no person wrote it.
    """
    raw = raw.lstrip(b"\xef\xbb\xbf\r\n")
    _refuse_large(raw)
    policy = BoundedHeaders()
    try:
        message = message_from_bytes(raw, policy=policy)
        if len(message.keys()) > _MOST_HEADERS:
            raise MailRefused(f"{len(message.keys())} headers; at most {_MOST_HEADERS} are read")
        return _taken(message, raw, policy.cut)
    except (
        RecursionError,
        HeaderParseError,
        UnicodeError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ) as fault:
        raise MailRefused(f"its form is broken ({type(fault).__name__})") from None


def _refuse_large(raw: bytes) -> None:
    for size, most, what in ((len(raw), _MOST_BYTES, "bytes"), (raw.count(b"\n"), _MOST_LINES, "lines")):
        if size > most:
            raise MailRefused(f"{size:,} {what}; at most {most:,} are read")


def _taken(message: Message, raw: bytes, cut: list[LeftOut]) -> Mail:
    sender = _sender(message)
    subject = " ".join(header_text(message, "subject").split())
    text, attachments = _content(message, forwarded=_FORWARDED.match(subject) is not None)
    people, unread = _receivers(message)
    answered = [*message_ids(message, "in-reply-to"), *list(message_ids(message, "references"))[::-1]]
    answers = tuple(dict.fromkeys(answered))
    cut += _ends(len(answers) - _MOST_ANSWERED, "older references than the nearest 500")
    cut += _ends(int(len(subject) > _LONGEST_SUBJECT), "a subject is longer than 2,000 characters")
    cut += _ends(len(attachments) - _MOST_ATTACHMENTS, "names of more than 50 attachments")
    message_id = next(iter(message_ids(message, "message-id")), None)
    return Mail(
        name=_identity(message, message_id, sender, raw),
        message_id=message_id,
        answers=answers[:_MOST_ANSWERED],
        sender=sender,
        people=frozenset([sender, *people]),
        subject=subject[:_LONGEST_SUBJECT],
        at=_date(header_text(message, "date")),
        text=text,
        attachments=tuple(attachments[:_MOST_ATTACHMENTS]),
        by_machine=_by_machine(message),
        cut=(*cut, *unread),
    )


def _ends(count: int, reason: str) -> list[LeftOut]:
    return [LeftOut("header end", count, reason)] if count > 0 else []


def _sender(message: Message) -> str:
    """The address of who wrote it.

    Raises:
        MailRefused: a machine did, or no header names an address.
    """
    found = next((each for name in ("from", "sender", "reply-to") if (each := addresses(message, name))), [])
    report = _report(message, found)
    if report:
        raise MailRefused(
            f"{report}, written by a mail server and not by a person; look whether its mail must go again"
        )
    if not found:
        raise MailRefused("none of its headers From, Sender and Reply-To holds an address, so nobody could be answered")
    return found[0]


def _report(message: Message, senders: Sequence[str]) -> str:
    """What kind of report of a mail server it is; empty for a mail."""
    kind = str(message.get_param("report-type", "")).lower() if message.get_content_type() == "multipart/report" else ""
    if kind in _REPORTS:
        return _REPORTS[kind]
    name = senders[0].partition("@")[0] if senders else header_text(message, "from").lower().strip(" \"'<")
    if name.startswith(_MACHINES[0]):
        return _REPORTS["delivery-status"]
    returned_to_nobody = header_text(message, "return-path").strip() == "<>"
    return _REPORTS["delivery-status"] if returned_to_nobody and name.startswith(_MACHINES) else ""


def _receivers(message: Message) -> tuple[list[str], list[LeftOut]]:
    """The addresses it went to, and which headers of them could not be read."""
    receivers: list[str] = []
    unread: list[LeftOut] = []
    for name in ("to", "cc"):
        try:
            receivers += addresses(message, name)
        except MailRefused as fault:
            unread.append(LeftOut("header end", 1, str(fault)))
    return receivers, unread


def _by_machine(message: Message) -> bool:
    if header_text(message, "auto-submitted").strip().lower() not in {"", "no"}:
        return True
    precedence = header_text(message, "precedence").strip().lower()
    return precedence == "auto_reply" or header_text(message, "x-autoreply").strip().lower() == "yes"


def _identity(message: Message, message_id: str | None, sender: str, raw: bytes) -> str:
    """Its id where that is drawn by lot or by the clock, as programs do; else with its sender, date and content.

    A form on a web site may send every mail with one id. Under the id alone the second customer would be the first
    one's mail with other words.
    """
    if message_id is None:
        return f"<{digest_of(raw)}>"
    own = message_id.strip("<>").partition("@")[0]
    if len(own) >= _LENGTH_OF_A_DRAWN_ID and sum(map(str.isdigit, own)) >= _DIGITS_OF_A_DRAWN_ID:
        return message_id
    _, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    content = "\n".join((sender, header_text(message, "date"))).encode(errors="surrogateescape") + body.strip()
    return f"{message_id} {digest_of(content)}"


_LENGTH_OF_A_DRAWN_ID, _DIGITS_OF_A_DRAWN_ID = 12, 4


def digest_of(raw: bytes) -> str:
    """The identity of a message by its bytes."""
    return hashlib.sha256(raw).hexdigest()[:32]


def _date(written: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(written[:_LONGEST_DATE])
        return (date.replace(tzinfo=UTC) if date.tzinfo is None else date).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


@dataclass(frozen=True)
class _Written:
    """The text of a part; ``rich`` where it came from HTML."""

    text: str
    rich: bool = False


def _content(message: Message, *, forwarded: bool) -> tuple[str, list[str]]:
    """What was written, and the names of what is attached.

    All texts of a mail count, in their order; of alternatives (RFC 2046) the plain text, unless it is only a stub.
    """
    attachments = [_attachment_name(part) for part in _leaves(message) if not _is_text(part)]
    texts = [written.text.strip("\n") for written in _written(message, forwarded=forwarded)]
    return "\n\n".join(text for text in texts if text.strip()), attachments


def _is_multipart(part: Message) -> bool:
    return part.is_multipart() and part.get_content_maintype() == "multipart"


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something, in their order; a mail that is attached to this one is one part."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if _is_multipart(part):
            held: Any = part.get_payload()
            waiting += held[::-1]
        else:
            yield part


def _is_text(part: Message) -> bool:
    if part.get_filename() or part.get_content_disposition() == "attachment":
        return False
    return part.get_content_type() in {"text/plain", "text/html"}


def _attachment_name(part: Message) -> str:
    name = words_read(part.get_filename() or "") or part.get_content_type()
    return " ".join("".join(character for character in name[:200] if character.isprintable()).split())


def _written(part: Message, *, forwarded: bool) -> list[_Written]:
    """The texts of a part, those within it included; parts are nested at most 50 deep."""
    if not _is_multipart(part):
        return [_part_text(part, forwarded=forwarded)] if _is_text(part) else []
    held: Any = part.get_payload()
    texts = [_written(each, forwarded=forwarded) for each in held]
    if part.get_content_type() == "multipart/alternative":
        return _best(texts)
    return [written for each in texts for written in each]


def _best(alternatives: list[list[_Written]]) -> list[_Written]:
    """The alternative in plain text, or the richest one where that says much more."""
    filled = [each for each in alternatives if _letters(each)]
    if not filled:
        return []
    plain = next((each for each in filled if not any(written.rich for written in each)), None)
    richest = max(filled, key=_letters)
    if plain is None or _letters(plain) < _LITTLE_OF_THE_HTML * _letters(richest):
        return filled[-1] if plain is None else richest
    return plain


def _letters(texts: list[_Written]) -> int:
    return sum(len(written.text) - written.text.count(" ") for written in texts if written.text.strip())


def _part_text(part: Message, *, forwarded: bool) -> _Written:
    content: Any = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return _Written("")
    charset = part.get_content_charset()
    if part.get_content_type() == "text/plain":
        return _Written(decoded_text(content, charset).replace("\r\n", "\n"))

    meta = _META_CHARSET.search(content[:_META_PLACE])
    label = charset or (meta.group(1).decode("ascii") if meta else None)
    return _Written(html_lines(decoded_text(content, label), forwarded=forwarded), rich=True)
