"""Values as the case log keeps them: JSON text, made and read a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

__all__ = ["floats", "mapping_text", "read_values", "value_texts"]

_PLAIN = {float, int, bool, type(None)}


def value_texts(values: Sequence[Any] | np.ndarray[Any, Any]) -> list[str | None]:
    """The JSON text of each value; None, NaN and infinity have none."""
    plain: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    kinds = set(map(type, plain))
    if kinds <= {str, type(None)}:
        texts: dict[str | None, str | None] = {value: orjson.dumps(value).decode() for value in set(plain) - {None}}
        texts[None] = None
        return [texts[value] for value in plain]
    if plain and kinds <= _PLAIN:  # no number holds a comma: one call writes them all
        return [None if text == "null" else text for text in orjson.dumps(plain)[1:-1].decode().split(",")]
    return [_text(value) for value in plain]


def _text(value: Any) -> str | None:
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS).decode()
    return None if text == "null" else text


def floats(values: Sequence[float | None] | np.ndarray[Any, Any]) -> list[float | None]:
    """The numbers, with None for NaN and infinity."""
    column = np.asarray(values, dtype=float)
    if np.isfinite(column).all():
        return list(column.tolist())
    told = column.astype(object)
    told[~np.isfinite(column)] = None
    return list(told.tolist())


def mapping_text(said: Mapping[str, Any] | None) -> str | None:
    """The JSON text of names and values, in their order; a value that is missing, NaN or infinite is null."""
    return None if said is None else orjson.dumps(dict(said), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def read_values(texts: Iterable[str | None]) -> list[Any]:
    """The values that a column of JSON texts says."""
    return list(orjson.loads("[" + ",".join("null" if text is None else text for text in texts) + "]"))
