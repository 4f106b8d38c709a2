"""Whether a sentence that a model wrote says no more than the turn it names.

A check of words, not of meaning: most of the sentence's words must stand in the turn, and all of its numbers, names,
links and masks; and it may not deny what its source affirms, nor affirm what that denies. A sentence that twists the
turn in the turn's own words can pass; one that brings in something new cannot.
"""

from __future__ import annotations

import re

from aiops_flows.estimators.quotes import words_of
from aiops_flows.estimators.word_lists import DENIALS, EMPTY, QUANTITIES

__all__ = ["coverage", "shared", "stems", "unsupported"]

_LEAST_COVERAGE = 0.6
_STEM = 5
_MASK = re.compile(r"<[A-Z]+>")
_TOKEN = re.compile(r"[^\W_]++(?:[.,:/-][^\W_]++)*+")
_EDGES = ".,;:!?()'\""
_POSSESSIVE = re.compile(r"['\u2019]s$")
_NAME = re.compile(r"[^\W\d_][\w'\u2019-]*")


def unsupported(sentence: str, turn: str, quote: str) -> str:
    """Why the sentence may not stand for the turn, in a few words; empty where it may.

    ``turn`` is the whole turn, ``quote`` the sentence of it that comes nearest; both tidied, personal data masked.
    """
    spoken = set(words_of(turn))
    if missing := len(_exact(sentence) - _exact(turn)):
        return f"{missing} numbers, links or masks that the turn does not have"
    if missing := len({word for word in words_of(sentence) if word in QUANTITIES} - spoken):
        return f"{missing} quantities that the turn does not have"
    if missing := len(_names(sentence) - spoken):
        return f"{missing} names that the turn does not have"
    if coverage(sentence, turn) < _LEAST_COVERAGE:
        return "too few of its words stand in the turn"
    if _denies(sentence) and not _denies(turn):
        return "it denies, and the turn does not"
    return "it affirms what its source denies" if _denies(quote) and not _denies(sentence) else ""


def coverage(sentence: str, text: str) -> float:
    """The share of the sentence's telling words that stand in the text, by their first five letters."""
    return shared(stems(sentence), stems(text))


def shared(telling: set[str], there: set[str]) -> float:
    """The share of the first words that are among the second."""
    return len(telling & there) / len(telling) if telling else 0.0


def stems(text: str) -> set[str]:
    """The telling words of a text, by their first five letters."""
    return {word[:_STEM] for word in words_of(text) if word not in EMPTY}


def _exact(text: str) -> set[str]:
    """Masks, links, handles and whatever holds a digit, as they are."""
    links = {word.strip(_EDGES).lower() for word in text.split() if "://" in word or "www." in word or "@" in word}
    numbers = {found.lower() for found in _TOKEN.findall(text) if any(sign.isdigit() for sign in found)}
    return links | numbers | set(_MASK.findall(text))


def _names(sentence: str) -> set[str]:
    """Words in capitals; the first one of the sentence too, since a name may stand there."""
    bare = _MASK.sub(" ", sentence)
    found = (_POSSESSIVE.sub("", word.lower()) for word in _NAME.findall(bare) if word[0].isupper())
    return {part for word in found for part in words_of(word)} - EMPTY - DENIALS


def _denies(text: str) -> bool:
    return any(word in DENIALS or word.endswith(("n't", "n\u2019t")) for word in words_of(text))
