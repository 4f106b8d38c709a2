"""One mail, read within bounds: what it costs is limited before it is parsed, and nothing in it is opened or run."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from aiops_flows.texts.cleaning import plain_lines

__all__ = ["Mail", "NoMail", "digest_of", "read_mail"]

_MOST_BYTES, _MOST_LINES, _MOST_MULTIPARTS = 15 * 2**20, 250_000, 16
_LONGEST_HEADER, _MOST_HEADERS = 2_000, 1_000
_MOST_REFERENCES, _MOST_ATTACHMENTS = 50, 50
_ID = re.compile(r"<[^<>\s]{1,500}>")
_NO_TEXT = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
"""What Python calls encodings of text and no mail is written in; some take quadratic time."""


class NoMail(Exception):
    """Why a message is refused; its text is the reason, and quotes nothing of the message."""


@dataclass(frozen=True)
class Mail:
    """What is taken from a message."""

    name: str
    """Its own id, or its digest where it has none."""
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


def read_mail(raw: bytes) -> Mail:
    """A message as far as a conversation needs it.

    Raises:
        NoMail: it is larger than is read, its form is broken, or nobody says that they wrote it.
    """
    _refuse_large(raw)
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        if len(message.keys()) > _MOST_HEADERS:
            raise NoMail(f"{len(message.keys())} headers; at most {_MOST_HEADERS} are read")
        return _taken(message, raw)
    except (
        RecursionError,
        HeaderParseError,
        UnicodeError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ) as fault:
        raise NoMail(f"its form is broken ({type(fault).__name__})") from None


def _refuse_large(raw: bytes) -> None:
    """Bounds on what parsing costs: lines times open parts."""
    found = (len(raw), raw.count(b"\n"), raw.lower().count(b"multipart/"))
    for size, most, what in zip(
        found, (_MOST_BYTES, _MOST_LINES, _MOST_MULTIPARTS), ("bytes", "lines", "nested parts"), strict=True
    ):
        if size > most:
            raise NoMail(f"{size:,} {what}; at most {most:,} are read")


def _taken(message: Message, raw: bytes) -> Mail:
    senders = _addresses(message, "From")
    if not senders:
        raise NoMail("no header says who wrote it")
    text, attachments = _content(message)
    own = _ID.findall(_header(message, "Message-ID"))
    answers = [*_ID.findall(_header(message, "In-Reply-To")), *_ID.findall(_header(message, "References"))[::-1]]
    return Mail(
        name=own[0] if own else f"<{digest_of(raw)}>",
        answers=tuple(dict.fromkeys(answers))[:_MOST_REFERENCES],
        sender=senders[0],
        people=frozenset([*senders, *_addresses(message, "To"), *_addresses(message, "Cc")]),
        subject=" ".join(_header(message, "Subject").split()),
        at=_date(_header(message, "Date")),
        text=text,
        attachments=tuple(attachments[:_MOST_ATTACHMENTS]),
        by_machine=_header(message, "Auto-Submitted").lower() not in {"", "no"},
    )


def digest_of(raw: bytes) -> str:
    """The identity of a message by its bytes."""
    return hashlib.sha256(raw).hexdigest()[:32]


def _header(message: Message, name: str) -> str:
    """A header as text, at most 2,000 characters of it."""
    given = message.get(name)
    if given is None:
        return ""
    written = str(given)[:_LONGEST_HEADER]
    try:
        parts = decode_header(written)
    except HeaderParseError:
        return written
    return "".join(part if isinstance(part, str) else _decoded(part, charset or "ascii") for part, charset in parts)


def _addresses(message: Message, name: str) -> list[str]:
    """The addresses of a header, in lower case."""
    return [address.lower() for _, address in getaddresses([_header(message, name)]) if "@" in address]


def _date(written: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(written)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _content(message: Message) -> tuple[str, list[str]]:
    """What was written, and the names of what is attached; plain text is taken before HTML."""
    plain: list[str] = []
    rich: list[str] = []
    attachments: list[str] = []
    for part in _parts(message):
        kind, name = part.get_content_type(), part.get_filename()
        if name or part.get_content_disposition() == "attachment" or kind not in {"text/plain", "text/html"}:
            attachments.append(" ".join(_tidy_name(name or kind).split()))
        elif kind == "text/plain":
            plain.append(_part_text(part))
        else:
            rich.append(_part_text(part))
    text = "\n\n".join(part.strip() for part in plain if part.strip())
    return text or plain_lines("\n".join(rich)), attachments


def _tidy_name(name: str) -> str:
    return "".join(character for character in name[:200] if character.isprintable())


def _parts(message: Message) -> Iterator[Message]:
    """The parts that hold something; a mail that is attached to this one is one part."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            held: Any = part.get_payload()
            waiting += held[::-1]
        else:
            yield part


def _part_text(part: Message) -> str:
    content: Any = part.get_payload(decode=True)
    return _decoded(content, part.get_content_charset() or "utf-8").replace("\r\n", "\n")


def _decoded(content: bytes, charset: str) -> str:
    """Bytes as text, in the encoding that is named or in UTF-8."""
    for name in (charset, "utf-8"):
        try:
            if codecs.lookup(name).name not in _NO_TEXT:
                return content.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    raise NoMail(f"a part is neither in the encoding it names ({charset[:40]!a}) nor in UTF-8")
