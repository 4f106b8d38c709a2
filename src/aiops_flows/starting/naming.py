"""Names of fields, made from the names that columns have in a file."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Sequence

from aiops_flows.case_type import Case

__all__ = ["field_names", "identifier"]

_LONGEST = 60
_NOT_DECOMPOSED = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d"})
_LIBRARY_COLUMNS = frozenset({"batch", "case_id", "received_at", "verdict", "verdict_reason", "verdict_by"})
_IN_ANNOTATIONS = frozenset({"str", "int", "float", "bool", "date", "datetime", "timedelta"})
"""Names that the annotations of later fields need: a field of that name would hide them."""


def identifier(source: str) -> str:
    """A column's name as the name of a field: lower-case ASCII words, cut at a word after 60 characters."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", source.strip())
    plain = unicodedata.normalize("NFKD", spaced.lower().translate(_NOT_DECOMPOSED))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_") or "column"
    name = re.sub(r"_{2,}", "_", _cut(name))
    if name[0].isdigit():
        name = f"n{name}"
    if name.startswith("model_"):
        return f"the_{name}"
    return f"{name}_" if _is_taken(name) else name


def field_names(sources: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The names of the fields that columns become, in their order.

    No two are the same, and none is the name of another column: pydantic would read a missing value from that one.
    ``taken`` are names that no field may have.
    """
    names: list[str] = []
    for source in sources:
        others = {*names, *taken, *(each for each in sources if each != source)}
        names.append(_unlike(identifier(source), others))
    return names


def _unlike(name: str, others: Collection[str]) -> str:
    """The name; with the first number that makes it differ where another has it."""
    numbered = (f"{name.rstrip('_')}_{number}" for number in range(2, len(others) + 3))
    return next(each for each in (name, *numbered) if each not in others)


def _cut(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    words, _, _ = name[: _LONGEST + 1].rpartition("_")
    return (words or name[:_LONGEST]).rstrip("_")


def _is_taken(name: str) -> bool:
    return keyword.iskeyword(name) or hasattr(Case, name) or name in _LIBRARY_COLUMNS | _IN_ANNOTATIONS
