"""Names of people, compared in one place: one person is one person, however the name was typed.

The key of a name is what Unicode calls its compatibility case fold (NFKC_Casefold, Unicode 15.1, section 3.13), with
spaces collapsed, and with typographic apostrophes and hyphens as the plain ones. Names are shown as they were written;
only keys are compared. The database compares keys as well, in columns that `Transaction.insert` fills.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

__all__ = ["person_key", "person_keys", "same_person"]

# Characters that no font draws, and that Unicode lists as Default_Ignorable_Code_Point.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_APOSTROPHES: Final = "\u2018\u2019\u201b\u02bc\u02b9\u2032\u00b4\u0060\uff07"
_HYPHENS: Final = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_SPACED_ACUTE: Final = " \u0301"
"""What the compatibility normal form makes of the accent that some keyboards have for an apostrophe."""
_PLAIN: Final = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-"))


def person_key(name: str) -> str:
    """What a name is compared by: equal for one person, whatever the keyboard, the case or the spaces were."""
    visible = _INVISIBLE.sub("", name).translate(_PLAIN)
    folded = unicodedata.normalize("NFKC", visible).casefold()
    # Folding can undo the normal form, and the normal form can bring back what was taken out.
    normal = unicodedata.normalize("NFKC", folded).translate(_PLAIN).replace(_SPACED_ACUTE, "'")
    return " ".join(_INVISIBLE.sub("", normal).split())


def person_keys(names: Sequence[str | None]) -> list[str | None]:
    """The key of each name; None where nobody is named."""
    return [None if name is None else person_key(name) for name in names]


def same_person(one: str, other: str) -> bool:
    """Whether two names are those of one person."""
    return person_key(one) == person_key(other)
