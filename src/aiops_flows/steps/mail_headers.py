"""Headers of a mail: bounded before they are parsed, read in any encoding, with addresses compared exactly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses

from aiops_flows.sources.left_out import LeftOut
from aiops_flows.texts.charsets import decoded_text

__all__ = ["BoundedHeaders", "MailRefused", "addresses", "header_text", "message_ids", "same_address", "words_read"]

_LONGEST = {
    **dict.fromkeys(("from", "sender", "reply-to", "to", "cc", "in-reply-to", "references"), 100_000),
    **dict.fromkeys(("subject", "message-id", "date"), 10_000),
    **dict.fromkeys(("content-type", "content-disposition"), 2_000),
}
"""Characters that are read of each header: some thousand receivers, more than a thousand mails of a thread."""
_LONGEST_UNREAD = 2_000
_LONGEST_LIST = 200_000
_READ_FROM_THE_END = "references"
"""The mails of a thread, the nearest last."""
_MOST_PARAMETERS = 50
"""CPython takes quadratic time to split the parameters of one header."""
_MOST_PARTS = 5_000
_MOST_DEPTH = 50
_LONGEST_DOMAIN = 253
_ID = re.compile(r"<[^<>\s]{1,500}>")
_ENCODED = r"=\?[^?\s]{1,80}\?[bBqQ]\?[^?\n]*\?="
_ENCODED_WORDS = re.compile(rf"{_ENCODED}(?:\s*{_ENCODED})*")


class MailRefused(Exception):
    """Why a message is not taken; its text is the reason, and quotes nothing of the message."""


class BoundedHeaders(Compat32):
    """A policy for the standard library's parser that bounds each header, and the parts, before they are parsed."""

    cut: list[LeftOut]
    """The ends of headers that were cut."""

    def __init__(self) -> None:
        super().__init__()
        vars(self).update(cut=[], parts=0, containers=0)

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name and the value of a header, as much of it as is read.

        It is UTF-8 (RFC 6532), or what its bytes most likely are.

        Raises:
            MailRefused: the mail has more parts than any mail program makes.
        """
        name, value = super().header_source_parse(sourcelines)
        lowered = name.lower()
        if lowered == "content-type":
            self._count_part(value)

        text = decoded_text(value.encode("ascii", "surrogateescape"))
        bounded = _bounded(lowered, text)
        if len(bounded) < len(text) and lowered in _LONGEST:
            self.cut.append(LeftOut("header end", 1, f"a header {lowered} is longer than is read"))
        return name, bounded

    def _count_part(self, value: str) -> None:
        counts = vars(self)
        counts["parts"] += 1
        counts["containers"] += value[:20].lstrip().lower().startswith(("multipart/", "message/"))
        if counts["parts"] > _MOST_PARTS:
            raise MailRefused(f"more than {_MOST_PARTS:,} parts; no mail program makes so many")
        if counts["containers"] > _MOST_DEPTH:
            raise MailRefused(f"more than {_MOST_DEPTH} nested parts; no mail program makes so many")


def _bounded(name: str, value: str) -> str:
    longest = _LONGEST.get(name, _LONGEST_UNREAD)
    bounded = value[-longest:] if name == _READ_FROM_THE_END else value[:longest]
    if name.startswith("content-"):
        bounded = ";".join(bounded.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS])
    return bounded


def header_text(message: Message, name: str) -> str:
    """The first header of a name, unfolded, its encoded words read; empty where there is none."""
    return words_read(str(message.get(name, "")))


def words_read(text: str) -> str:
    """Text with its encoded words (RFC 2047) read; what cannot be read stays as it is."""
    return _ENCODED_WORDS.sub(lambda run: _run_read(run.group()), text) if "=?" in text else text


def _run_read(run: str) -> str:
    """Encoded words in a row: a character may begin in one and end in the next."""
    try:
        parts = decode_header(run)
    except (HeaderParseError, ValueError):
        return run
    words = (
        part if isinstance(part, str) else decoded_text(part, (charset or "").partition("*")[0] or None)
        for part, charset in parts
    )
    return "".join(words) or run


def addresses(message: Message, *names: str) -> list[str]:
    """The addresses of some headers, as `same_address` writes them.

    Raises:
        MailRefused: a header nests comments or groups deeper than can be read.
    """
    found: list[str] = []
    for name in names:
        text = ", ".join(map(str, message.get_all(name, [])))[:_LONGEST_LIST]
        if "@" in text:
            found += [same_address(words_read(address)) for address in _parsed(text) if "@" in address]
    return found


def _parsed(text: str) -> list[str]:
    try:
        parsed = [address for _, address in getaddresses([text])]
    except RecursionError:
        raise MailRefused("a header of addresses nests deeper than is read") from None
    if any(parsed):
        return parsed
    return _ADDRESS.findall(text)  # newer versions of Python give nothing where one address is odd


_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]@]{1,64}@[^\s<>,;:\"()\[\]@]{1,253}")


def same_address(address: str) -> str:
    """An address in the one form in which it is compared: lower case, composed letters, its domain in letters.

    No letter is dropped or replaced: two addresses that differ in one letter are two people.
    """
    local, _, domain = unicodedata.normalize("NFC", address).lower().rpartition("@")
    return f"{local}@{_domain_in_letters(domain)}"


def _domain_in_letters(domain: str) -> str:
    """A domain as people read it (IDNA): ``xn--bcher-kva.example`` and ``bücher.example`` are one."""
    if (domain.isascii() and "xn--" not in domain) or len(domain) > _LONGEST_DOMAIN:
        return domain
    import idna

    try:
        return idna.decode(idna.encode(domain, uts46=True))
    except (idna.IDNAError, UnicodeError):
        return domain


def message_ids(message: Message, name: str) -> Sequence[str]:
    """The ids of messages in a header."""
    return _ID.findall(str(message.get(name, "")))
