"""One text for one value: what labels, ids and texts look like, whatever type a source gives them."""

from __future__ import annotations

import enum
import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

__all__ = ["label_of", "name_of", "plain_number", "scalar", "spelled", "text_of", "tidy"]

_EXACT = 2**53  # a float beyond it may be another whole number than the one that was meant
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_JOINERS = "\u200c\u200d"  # they have a meaning inside words and signs, not at their ends
_SPACES = re.compile(r"[^\S\t\n\r\v\f\x1c-\x1f\x85]{2,}|[^\S \t\n\r\v\f\x1c-\x1f\x85]")
_WHOLE = re.compile(r"([+-]?)(0|[1-9][0-9]*)\.0+")
_TRUTH = {"true": "True", "false": "False"}
_LONGEST_TRUTH = 5
_LONGEST_NUMBER = 40


def scalar(value: Any) -> Any:
    """A value of numpy, pandas or pyarrow as Python's own; any other value as it is.

    A 32-bit number is the shortest one that it can mean: 0.1, not 0.10000000149011612.
    """
    module = value.__class__.__module__.partition(".")[0]
    if module == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _numpy_scalar(value)
    if module == "pandas" and hasattr(value, "start_time"):
        return _python_moment(value.start_time)
    if module == "pandas" and isinstance(value, datetime):
        return _python_moment(value)
    if module == "pandas" and hasattr(value, "to_pytimedelta"):
        return value.to_pytimedelta()
    if module == "pyarrow" and hasattr(value, "as_py"):
        return value.as_py()
    return value


def _numpy_scalar(value: Any) -> Any:
    kind = value.dtype.kind
    if kind == "f" and value.dtype.itemsize < 8:
        return float(str(value.item() if value.ndim else value))
    if kind == "M":
        return value.astype("datetime64[us]").item()
    if kind == "m":
        return value.astype("timedelta64[us]").item()
    return value.item()


def _python_moment(value: Any) -> Any:
    return value.to_pydatetime(warn=False)


def text_of(value: Any) -> str:
    """The text of a value: a whole number without a point, a truth value as ``True`` or ``False``, a day as ISO 8601.

    Raises:
        ValueError: it has no text of its own, or is a float too large to say which whole number it is.
    """
    if value.__class__ is str:
        return str(value)
    if isinstance(value, enum.Enum):
        return text_of(value.value)
    value = scalar(value)
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    return _number_text(value) if isinstance(value, float | Decimal) else _other_text(value)


def _number_text(value: float | Decimal) -> str:
    if isinstance(value, float) and value.is_integer():
        if abs(value) > _EXACT:
            raise ValueError(
                "a number with a decimal point beyond 2**53 does not say which whole number it is; "
                "send it as text or as a whole number"
            )
        return str(int(value))
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124  NaN
        raise ValueError("a number that is not finite has no text")
    return plain_number(Decimal(repr(value)) if isinstance(value, float) else value)


def plain_number(value: Decimal) -> str:
    """A number in digits, without an exponent and without zeros at its end."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("bytes that are not readable as text in UTF-8") from None


def _other_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    if isinstance(value, datetime):
        midnight = value.tzinfo is None and value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise ValueError(f"a {type(value).__name__} is not a text")


def name_of(value: Any) -> str:
    """The text of a value for people; unlike `text_of` it gives one of anything."""
    try:
        return text_of(value)
    except ValueError:
        return str(value)


def tidy(text: str) -> str:
    """A text as labels and names are compared: composed letters (NFC), single plain spaces, nothing invisible."""
    if text.isascii():
        text = text.strip()
        return _SPACES.sub(" ", text) if "  " in text else text
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return _SPACES.sub(" ", text.strip().strip(_JOINERS).strip())


def label_of(value: Any) -> str:
    """The one spelling of a label or an id, as far as that is safe; the case of letters stays.

    ``7.0`` is ``7``, ``TRUE`` is ``True``; spaces, invisible characters and decomposed letters make no other label.

    Raises:
        ValueError: the value has no text of its own.
    """
    return spelled(value if value.__class__ is str else text_of(value))


@lru_cache(maxsize=16_384)
def spelled(text: str) -> str:
    """The one spelling of a label that is a text already."""
    text = tidy(text)
    if len(text) <= _LONGEST_TRUTH and (truth := _TRUTH.get(text.lower())):
        return truth
    if text[-1:] == "0" and len(text) <= _LONGEST_NUMBER and (whole := _WHOLE.fullmatch(text)):
        return whole[2] if whole[1] != "-" or whole[2] == "0" else f"-{whole[2]}"
    return text
