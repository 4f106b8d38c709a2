"""Names of columns as they are compared, and those that look like a name that is missing."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["clean_name", "clean_names", "look_alikes"]

_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_SPACES = re.compile(r"\s+")
_LIKE_ENOUGH = 0.75
_MOST = 3


def clean_name(name: object) -> str:
    """A name of a column as it is compared: composed letters (NFC), nothing invisible, single spaces, none around it.

    Upper and lower case stay as they are: ``ID`` and ``id`` may be two columns of one table.
    """
    text = unicodedata.normalize("NFC", str(name))
    return _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()


def clean_names(names: Iterable[object]) -> list[str]:
    """Several names as they are compared."""
    return [clean_name(name) for name in names]


def look_alikes(missing: Sequence[str], columns: Iterable[str]) -> str:
    """Which columns may be meant by the missing names, for an error: ``'Region' may be 'region'``; empty where none."""
    found = [f"{seen!r} may be {name!r}" for name in missing for seen in _similar(name, list(columns))]
    return ", ".join(found)


def _similar(name: str, columns: Sequence[str]) -> list[str]:
    plain = {column: _plain(column) for column in columns}
    near = difflib.get_close_matches(_plain(name), plain.values(), n=_MOST, cutoff=_LIKE_ENOUGH)
    return [column for column in columns if plain[column] in near][:_MOST]


def _plain(name: str) -> str:
    """Letters and digits alone, without accents and case: ``Größe in cm`` and ``groesse_in_cm`` come close."""
    folded = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in folded if letter.isalnum())
