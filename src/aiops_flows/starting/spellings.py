"""Which spellings in an outcome column are one class, and which are questions rather than verdicts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import DamerauLevenshtein

from aiops_flows.values.texts import label_of

__all__ = ["FEWEST_OF_A_CLASS", "Question", "Spellings", "read_spellings"]

FEWEST_OF_A_CLASS = 5
"""Rows below which a value of the outcome is no class: a model is trained, judged and certified on parts of them."""
_RARE = 10  # a misspelling is at most a tenth as frequent as what it misspells
_SHORTEST = 4  # letters; of shorter words, "yes" and "yen", one letter makes another word
_LONG = 8
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\s_.\-]+(?=[^\W\d_])")
_AROUND = re.compile(r"^[\s'\"`\u00b4*.,;:]+(?=[^\W\d_])|(?<=[^\W\d_])[\s'\"`\u00b4.,;:]+$")
_ENDS_IN_POINT = re.compile(r"[+-]?\d+\.")


@dataclass(frozen=True)
class Question:
    """A value of the outcome column that is no class before a person has said so."""

    written: str
    rows: int
    proposal: str
    """The class that it seems to mean; empty where none is near."""
    reason: str

    def __str__(self) -> str:
        """The question in one sentence."""
        meant = f': "{self.proposal}"?' if self.proposal else ""
        return f'"{self.written}" ({self.rows} rows): {self.reason}{meant}'


@dataclass(frozen=True)
class Spellings:
    """The values of an outcome column, sorted out."""

    classes: Sequence[str]
    """The most frequent first."""
    rows: Mapping[str, int]
    """Class -> its rows."""
    class_of: Mapping[str, str]
    """Value as written -> its class; a question has none."""
    questions: Sequence[Question]
    """The most frequent first."""


def read_spellings(
    values: Sequence[str], header: str, *, accept: bool = False, distinct: Collection[str] = ()
) -> Spellings:
    """Sort out the values of an outcome column.

    Values that differ in case, blanks around them, invisible characters or the decimals of a whole number are one
    class, called as its most frequent spelling. A value with fewer than 5 rows is a question, and so is one that looks
    like a much more frequent class, misread: ``D eny``, ``In Re view``, ``Apprved``; with ``accept``, it is that class.
    The name of the column among its values is a header that was repeated, and a question. The values in ``distinct``
    are classes of their own, whatever they look like.
    """
    written = Counter(values)
    by_key: dict[str, Counter[str]] = defaultdict(Counter)
    for value, rows in written.items():
        by_key[_key(value)][value] += rows
    counts = {key: spellings.total() for key, spellings in by_key.items()}
    names = {key: _name(spellings) for key, spellings in by_key.items()}
    doubts = _doubts(counts, _key(header), {_key(value) for value in distinct})
    questions = [
        Question(value, rows, names.get(doubts[key].meant, ""), doubts[key].reason)
        for key, spellings in by_key.items()
        if key in doubts
        for value, rows in spellings.items()
        if not (accept and doubts[key].meant)
    ]
    meant = {key: doubts[key].meant if key in doubts else key for key in by_key}
    class_of = {
        value: names[meant[key]]
        for key, spellings in by_key.items()
        for value in spellings
        if meant[key] and (accept or key not in doubts)
    }
    rows_of = Counter({name: 0 for key, name in names.items() if key not in doubts})
    for value, name in class_of.items():
        rows_of[name] += written[value]
    ordered = [name for name, _ in rows_of.most_common()]
    return Spellings(ordered, rows_of, class_of, sorted(questions, key=lambda each: -each.rows))


@dataclass(frozen=True)
class _Doubt:
    meant: str
    """The key of the class that it seems to mean; empty where none is near."""
    reason: str


def _doubts(counts: Mapping[str, int], header: str, distinct: Collection[str]) -> dict[str, _Doubt]:
    """Key -> why it is no class."""
    doubts: dict[str, _Doubt] = {}
    if header in counts and header not in distinct:
        doubts[header] = _Doubt("", "the name of the column, as if the header were repeated")
    frequent = sorted((key for key in counts if key not in doubts), key=lambda key: -counts[key])
    classes = [key for key in frequent if counts[key] >= FEWEST_OF_A_CLASS]
    for key in (each for each in reversed(frequent) if each not in distinct):
        meant = next(
            (each for each in classes if each != key and each not in doubts and _misread(key, each, counts)), ""
        )
        if meant:
            doubts[key] = _Doubt(meant, "looks like a class, misread")
        elif counts[key] < FEWEST_OF_A_CLASS:
            doubts[key] = _Doubt("", f"fewer than {FEWEST_OF_A_CLASS} rows, too few to learn a class from")
    return doubts


def _misread(key: str, other: str, counts: Mapping[str, int]) -> bool:
    """Whether a value looks like a more frequent one that was misread."""
    if counts[key] > counts[other]:
        return False
    one, two = _squeezed(key), _squeezed(other)
    if one == two:
        return True
    if counts[key] * _RARE > counts[other] or min(len(one), len(two)) < _SHORTEST:
        return False
    allowed = 2 if min(len(one), len(two)) >= _LONG else 1
    return DamerauLevenshtein.distance(one, two, score_cutoff=allowed) <= allowed and not _means_another(key, other)


def _means_another(one: str, two: str) -> bool:
    """Whether the difference is one that people make: ``unpaid``, ``grade 2``, ``type B``."""
    if one.endswith(two) or two.endswith(one):
        return True
    if re.findall(r"\d+", one) != re.findall(r"\d+", two) and re.search(r"\d", one) and re.search(r"\d", two):
        return True
    words, others = one.split(), two.split()
    if len(words) != len(others):
        return False
    return any(word != other and max(len(word), len(other)) <= 2 for word, other in zip(words, others, strict=True))


def _name(spellings: Counter[str]) -> str:
    """What a class is called: its most frequent spelling, as the record will have it."""
    most = min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
    return _label(most)


def _key(value: str) -> str:
    """What a value and its harmless spellings have in common."""
    return _label(unicodedata.normalize("NFKC", value)).casefold()


def _label(value: str) -> str:
    """The label that is recorded of a value; of a number that ends in a point, without it."""
    label = label_of(value)
    return label[:-1] if _ENDS_IN_POINT.fullmatch(label) else label


def _squeezed(key: str) -> str:
    """The letters of a value: without blanks and marks between and around them."""
    return _BETWEEN_LETTERS.sub("", _AROUND.sub("", key))
