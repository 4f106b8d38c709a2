"""Where one mail of an mbox file ends and the next begins: more than one sign has to say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["mbox_messages"]

_LINE = re.compile(rb"^From [^\r\n]{0,1000}(?=\r?$)", re.MULTILINE)
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = rb"\d{1,2}:\d\d(?::\d\d)?"
_DATED = re.compile(
    rb"From .{1,600}?(?:"
    rb"\b" + _DAY + rb",? +" + _MONTH + rb" +\d{1,2} +" + _TIME + rb"\b.{0,40}\b\d{4}\b"
    rb"|\b" + _DAY + rb",? +\d{1,2} " + _MONTH + rb" \d{4} " + _TIME + rb"|\b\d{4}-\d\d-\d\d[T ]" + _TIME + rb")"
)
"""As the programs that write mbox files do: an address or a word, and when it came."""
_HEADER = re.compile(rb"(?:>?From |[!-9;-~]{1,100}[ \t]*:)")
_SENDER = re.compile(rb"^From:.{0,500}@", re.MULTILINE | re.IGNORECASE)
_OF_MAIL_ONLY = re.compile(
    rb"^(?:Message-ID|Received|Return-Path|MIME-Version|Delivered-To):", re.MULTILINE | re.IGNORECASE
)
_LOOKED_AT = 4_000
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,12})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
_NEXT = re.compile(rb"[\r\n]{0,4}(?=From |\Z)")
_MOST_HEADER_BYTES = 100_000


@dataclass(frozen=True)
class _Boundary:
    """The line before a mail: where it starts, and where the mail begins."""

    start: int
    end: int


def mbox_messages(data: bytes) -> Iterator[bytes]:
    """The raw mails of an mbox file, without the lines between them and without the quoting of ``From``.

    A line that begins with ``From`` is a boundary where two of three are seen: it names a date as mail programs do, a
    header follows, a blank line or nothing stands before it. Without a date, what follows must be the headers of a
    mail. Where every mail has a ``Content-Length`` that ends exactly at the next boundary, these lengths count. What
    stands before the first boundary is a mail of its own.
    """
    boundaries = _by_length(data) or [line for line in _lines(data) if _is_boundary(data, line)]
    first = boundaries[0].start if boundaries else len(data)
    if data[:first].strip():
        yield data[:first]
    if not boundaries:
        return
    ends = [*(boundary.start for boundary in boundaries[1:]), len(data)]
    for boundary, end in zip(boundaries, ends, strict=True):
        yield _QUOTED_FROM.sub(rb"\1", data[boundary.end : end])


def _lines(data: bytes) -> Iterator[_Boundary]:
    for line in _LINE.finditer(data):
        end = data.find(b"\n", line.end())
        yield _Boundary(line.start(), len(data) if end < 0 else end + 1)


def _is_boundary(data: bytes, line: _Boundary) -> bool:
    dated = _DATED.match(data, line.start, line.end) is not None
    before = data[max(line.start - 3, 0) : line.start]
    apart = not before or before.replace(b"\r", b"").endswith(b"\n\n") or (line.start < 3 and not before.strip())
    header_follows = _HEADER.match(data, line.end) is not None
    if dated:
        return apart or header_follows
    return apart and header_follows and _are_headers_of_a_mail(data[line.end : line.end + _LOOKED_AT])


def _are_headers_of_a_mail(beginning: bytes) -> bool:
    end = _END_OF_HEADERS.search(beginning)
    headers = beginning[: end.start()] if end else beginning
    return _SENDER.search(headers) is not None and _OF_MAIL_ONLY.search(headers) is not None


def _by_length(data: bytes) -> list[_Boundary]:
    """The boundaries by the lengths that the mails state; none where a single one does not fit.

    A single mail may lie about its length to hide the next ones; a program that writes lengths writes them for all.
    """
    boundaries: list[_Boundary] = []
    place = len(data) - len(data.lstrip(b"\r\n"))
    while place < len(data):
        line = _LINE.match(data, place)
        headers_end = _END_OF_HEADERS.search(data, place, place + _MOST_HEADER_BYTES) if line else None
        if line is None or headers_end is None:
            return []
        stated = _LENGTH.search(data, line.end(), headers_end.end())
        if stated is None:
            return []
        begin = data.find(b"\n", line.end()) + 1
        following = _NEXT.match(data, headers_end.end() + int(stated.group(1)))
        if following is None:
            return []
        boundaries.append(_Boundary(place, begin))
        place = following.end()
    return boundaries
