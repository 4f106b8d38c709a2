"""Bytes as text, with the fall-backs that mail programs and browsers use: one wrong byte or name loses no words."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

__all__ = ["decoded_text"]

_WESTERN = "cp1252"
_CLAIMS_LITTLE = frozenset({"ascii", "cp1252", "iso8859-15", "cp1254"})
"""Single-byte encodings that decode almost any bytes, so that nothing shows when the name is wrong."""
_NO_TEXT = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
"""Codecs of Python that no text is sent in; some take quadratic time."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_JAPANESE_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_MOST_REPAIRS = 10_000
_RIGHT_FOR_WRONG = 4
_SAMPLE = 4_000
_FEW_BYTES = 8
"""Fewer bytes beyond ASCII than this say nothing about an encoding."""
_FIRST_LETTER_BEYOND_LATIN = 0x370
_ODD = re.compile("[\uff61-\uff9f]{3}|[\u0591-\u05c7]{2}")
"""What other scripts look like in a wrong encoding: half-width katakana, and points of Hebrew without letters."""
_DETECTED = (
    "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1252",
)  # fmt: skip


def decoded_text(content: bytes, label: str | None = None) -> str:
    """Bytes as text, without NUL and without lone surrogates; nothing is refused.

    A name of an encoding is read as browsers read it (WHATWG: ``iso-8859-1`` is windows-1252). Where it is missing,
    unknown or wrong, UTF-8 is tried, then a detector, then windows-1252. In text that is UTF-8 but for some bytes,
    those bytes are read as windows-1252.
    """
    text = _marked(content)
    if text is None:
        text = _labelled(content, label)
    if text is None:
        text = _unlabelled(content)

    text = text.replace("\0", "")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def _marked(content: bytes) -> str | None:
    """Text that says itself how it is encoded: by a byte order mark, or by the escapes of ISO-2022-JP."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    if any(escape in content for escape in _JAPANESE_ESCAPES):
        return _strictly(content, "iso2022_jp_ext")
    return None


def _labelled(content: bytes, label: str | None) -> str | None:
    """Text in the encoding that is named; None where the name is unknown or does not fit the bytes."""
    name = _codec_name(label.strip().lower()[:40]) if label else None
    if name is None:
        return None
    if name in _CLAIMS_LITTLE:
        return _as_utf8(content) or _single_byte(content, name)

    name = "gb18030" if name == "gbk" else name
    return _strictly(content, name) or _as_utf8(content) or _mostly(content, name)


@lru_cache(maxsize=256)
def _codec_name(label: str) -> str | None:
    """Python's name of an encoding: by WHATWG's labels first, then by Python's own."""
    import webencodings

    encoding = webencodings.lookup(label)
    name = "" if encoding is None else str(encoding.codec_info.name)
    try:
        name = codecs.lookup(name if name and name != "replacement" else label).name
        b"a".decode(name, "replace")
    except (LookupError, ValueError):
        return None
    return None if name in _NO_TEXT else name


def _strictly(content: bytes, name: str) -> str | None:
    try:
        return content.decode(name)
    except (UnicodeError, ValueError, LookupError):
        return None


def _mostly(content: bytes, name: str) -> str | None:
    """Text of which a few characters are wrong; UTF-8 is repaired elsewhere."""
    if name == "utf-8":
        return None
    text = content.decode(name, "replace")
    wrong, right = _wrong_and_right(text)
    return text if right > _RIGHT_FOR_WRONG * wrong else None


def _wrong_and_right(replaced: str) -> tuple[int, int]:
    """How many characters beyond ASCII stand for wrong bytes, and how many do not."""
    wrong = replaced.count("\ufffd")
    return wrong, len(replaced) - len(replaced.encode("ascii", "ignore")) - wrong


def _as_utf8(content: bytes) -> str | None:
    """Text that is UTF-8 and more than ASCII: hardly anything in another encoding happens to be."""
    return None if content.isascii() else _strictly(content, "utf-8")


def _single_byte(content: bytes, name: str) -> str:
    """In a single-byte encoding; a byte without a character becomes the control character of its number."""
    text, _ = codecs.charmap_decode(content, "strict", _table(name))
    return text


@lru_cache(maxsize=4)
def _table(name: str) -> str:
    """The character of each of the 256 bytes."""
    characters = (_strictly(bytes([number]), _WESTERN if name == "ascii" else name) for number in range(256))
    return "".join(character or chr(number) for number, character in enumerate(characters))


def _unlabelled(content: bytes) -> str:
    """UTF-8, UTF-8 with some wrong bytes, what a detector says, or windows-1252."""
    text = _strictly(content, "utf-8")
    if text is not None:
        return text

    replaced = content.decode("utf-8", "replace")
    wrong, right = _wrong_and_right(replaced)
    if right >= wrong:
        return content.decode("utf-8", _by_western()) if wrong <= _MOST_REPAIRS else replaced
    return _detected(content) or _single_byte(content, _WESTERN)


def _detected(content: bytes) -> str | None:
    """What charset-normalizer takes it for, where it is in another script than Latin; by the beginning."""
    from charset_normalizer import from_bytes

    high = bytes(byte for byte in content[:_SAMPLE] if byte > 0x7F)
    if len(high) < _FEW_BYTES:
        return None
    matches = from_bytes(content[:_SAMPLE], cp_isolation=list(_DETECTED))
    best = next((match for match in matches if not _ODD.search(str(match))), None)
    if best is None:
        return None

    letters = [ord(character) for character in str(best) if character.isalpha() and not character.isascii()]
    beyond = sum(letter >= _FIRST_LETTER_BEYOND_LATIN for letter in letters)
    if best.language == "Turkish" or 2 * beyond > len(letters):
        return content.decode(best.encoding, "replace")
    return None


@lru_cache(maxsize=1)
def _by_western() -> str:
    """The name of an error handler: bytes that are no UTF-8 are read as windows-1252."""

    def handler(fault: UnicodeError) -> tuple[str, int]:
        if not isinstance(fault, UnicodeDecodeError):
            raise fault
        return _single_byte(fault.object[fault.start : fault.end], _WESTERN), fault.end

    codecs.register_error("aiops_by_western", handler)
    return "aiops_by_western"
