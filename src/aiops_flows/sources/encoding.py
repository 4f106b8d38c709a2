"""The text of bytes, without a letter that was guessed."""

from __future__ import annotations

import codecs
import re

from aiops_flows.errors import SourceError

__all__ = ["BAD_BYTES", "decoded", "describe_bad_bytes"]

_UTF_16 = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
_UTF_32 = {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE}
BAD_BYTES = re.compile("[\udc80-\udcff]")
"""Bytes that are not UTF-8, in a text from `decoded`."""


def decoded(data: bytes, *, name: str, encoding: str | None = None) -> str:
    """The text of a file: UTF-8, or UTF-16 where the bytes begin with its mark.

    A single byte can be another letter in each of the older encodings, and a wrong letter makes another customer of a
    name. So other encodings are read only where they are declared: without that, bytes that are not UTF-8 stay
    recognisable (`BAD_BYTES`), and whoever reads the text refuses the line that has them, or the header.

    Args:
        data: the bytes.
        name: of the file, for errors.
        encoding: how text is encoded that is not UTF-8, such as ``cp1252``.

    Raises:
        SourceError: it is UTF-16 without a mark or UTF-32, or not in the declared encoding either.
    """
    if data[:4] in _UTF_32 or (b"\x00" in data[:4] and data[:2] not in _UTF_16):
        raise SourceError(f"{name}: begins with NUL, as UTF-16 without a mark or UTF-32 does. Send it as UTF-8")
    if data[:2] in _UTF_16:
        return _utf_16(data, name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if encoding is None:
            return data.decode("utf-8-sig", errors="surrogateescape")
    return _declared(data, name, encoding)


def _utf_16(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as fault:
        raise SourceError(f"{name}: begins as UTF-16 but is not: {fault}. Send it as UTF-8") from fault


def _declared(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as fault:
        raise SourceError(f"{name}: {encoding!r} is not an encoding that Python reads; cp1252 is one") from fault
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise SourceError(
            f"{name}: line {line} is neither UTF-8 nor {encoding} (byte 0x{data[fault.start]:02X}). Send it as UTF-8"
        ) from fault


def describe_bad_bytes(text: str) -> str:
    """Where the first byte that is not UTF-8 stands in a line: ``byte 0xFC, character 4``."""
    place = BAD_BYTES.search(text)
    if place is None:
        return ""
    return f"byte 0x{ord(place[0]) - 0xDC00:02X}, character {place.start() + 1}"
