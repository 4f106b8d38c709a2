"""Whether the values of a column name people or what belongs to one: no model and no report may hold such values."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Collection
from functools import cache, partial

from aiops_flows.texts.personal import marks

__all__ = ["identifying_kind", "is_identifying_name"]

_MOST_VALUES = 500
_FEWEST_VALUES = 3
_SOME = 0.2
_MOST = 0.5
_MOST_SINGLE = 0.8
"""Of single words: cities, colours and products share many words with people."""
_FEWEST_SINGLE = 15
_MOST_BEGIN_OR_END = 0.6
_LONGEST_NAME = 3
_FEWEST_NUMBERS = 20
_MOST_WORDS = 6
_COVERED = 0.6
_KINDS = {
    "email": "e-mail addresses",
    "iban": "bank accounts",
    "card": "payment cards",
    "ip": "network addresses",
    "url": "links with a key",
    "handle": "user names",
    "birthdate": "dates of birth",
}
_NUMBERS = frozenset({"id", "phone"})
"""Kinds that a code of a product may be taken for: most of many values must be so."""
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_STREETS = (
    r"^[^\d,]{4,60},\s?\d{1,5}\s?[a-z]?$",
    (
        r"^\d+\s?[a-z]?,?\s(?:[\w.'-]+\s){0,4}(?:street|st|road|rd|avenue|ave|drive|dr|lane|ln|court|ct|boulevard|blvd|"
        r"way|place|pl|terrace|ter|square|sq|circle|cir|highway|hwy|parkway|pkwy|ridge|close|crescent|row|trail|loop)\b"
    ),
    r"^\d+\s[\w.' -]+\s(?:suite|apt\.?|apartment|unit|flat)\s*\w+$",
    r"\b\d+\s?(?:bis|ter)?,?\s(?:rue|avenue|boulevard|place|chemin|allée|impasse|quai|cours|route)\b",
    r"(?:stra(?:ß|ss)e|str\.|str|weg|platz|gasse|allee|ring|damm|ufer|chaussee|steig|graben|markt)\s*\d+",
    (
        r"\b(?:rue|calle|avenida|av\.|plaza|paseo|via|viale|piazza|corso|rua|rodovia|alameda|praça|estrada|travessa|"
        r"ulica|ul\.|aleja|ул\.|улица|пер\.|пр-т|просп\.|οδός|λεωφόρος)\s.*\d+"
    ),
    r"(?:straat|laan|plein|gracht|kade|weg|dijk|singel|gatan|gata|vägen|vej|gade|veien|tie|katu)\s*\d+",
    r"\b(?:sokak|sok\.|sokağ\u0131|cadde|caddesi|cad\.|mah\.|mahallesi)(?:\s|$)",
)
_STREET = re.compile("|".join(_STREETS), re.IGNORECASE)
_OF_PEOPLE = (
    r"(?:full|first|last|family|given|middle|birth|maiden|customer|client|contact|claimant|insured|patient|employee|user|"
    r"owner|person|holder|policyholder|applicant|driver|sender|recipient|author|caller|agent|adjuster|manager)"
)
_NAMES = re.compile(
    rf"^(?:{_OF_PEOPLE}_?)?names?$|^{_OF_PEOPLE}_name(?:_|$)|surname|forename|"
    r"(?:^|_)(?:vorname|nachname|familienname|prenom|nom|nombre|apellidos?|cognome|nome|achternaam|voornaam|imie|nazwisko)"
    r"(?:$|_)",
)
_BELONGINGS = re.compile(
    r"(?:^|_)(?:e_?mail|mail_address|phone|telephone|tel|telefon|mobile|handy|fax|iban|bic|bank_account|account_no|"
    r"account_number|kontonummer|kontonr|street|strasse|str|address|adresse|addr|direccion|indirizzo|ssn|passport|"
    r"tax_id|steuernummer|date_of_birth|dob|birth_?date|geburtsdatum|licen[cs]e_plate|kennzeichen|ip_address)(?:$|_)"
)


def is_identifying_name(column: str) -> bool:
    """Whether a column is called like the name, the address or the account of somebody (in lower-case words)."""
    return bool(_NAMES.search(column) or _BELONGINGS.search(column))


def identifying_kind(values: Collection[str]) -> str:
    """What the distinct values of a column seem to be, such as ``names of people``; empty where they name nobody.

    Addresses of mail, bank accounts, payment cards and the like are recognised by their form, streets by the words for
    one beside a number, names by lists of first and last names in some 60 languages (those of Faker).
    """
    distinct = [value for value in dict.fromkeys(values) if value][:_MOST_VALUES]
    if len(distinct) < _FEWEST_VALUES:
        return ""
    for kind, words in _KINDS.items():
        if _share(distinct, partial(_is_covered, kinds={kind})) >= _SOME:
            return words
    if len(distinct) >= _FEWEST_NUMBERS and _share(distinct, partial(_is_covered, kinds=_NUMBERS)) >= _MOST:
        return "telephone, account or other numbers of people"
    if _share(distinct, lambda value: bool(_STREET.search(value))) >= _SOME:
        return "streets"
    return "names of people" if _are_names(distinct) else ""


def _share(values: Collection[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, values)) / len(values)


def _is_covered(value: str, kinds: Collection[str]) -> bool:
    """Whether most of a value is personal data of these kinds."""
    covered = sum(mark.end - mark.start for mark in marks(value) if mark.kind in kinds)
    return covered >= _COVERED * len(value)


def _are_names(values: Collection[str]) -> bool:
    words = [[word.casefold() for word in _WORD.findall(value)] for value in values]
    several = [each for each in words if len(each) > 1]
    if len(several) >= _MOST * len(values):
        ends = sum(len(each) <= _LONGEST_NAME and _begins_or_ends_with_first_name(each) for each in several)
        full = sum(map(_is_full_name, several))
        return full >= _MOST * len(values) or ends >= _MOST_BEGIN_OR_END * len(values)
    single = [each[0] for each in words if len(each) == 1]
    names = sum(word in _first_names() or word in _last_names() for word in single)
    return len(single) >= _FEWEST_SINGLE and names >= _MOST_SINGLE * len(values)


def _begins_or_ends_with_first_name(words: list[str]) -> bool:
    return not _first_names().isdisjoint({words[0], words[-1]})


def _is_full_name(words: list[str]) -> bool:
    """Whether two to six words hold a first name and another word that is a last name."""
    if len(words) > _MOST_WORDS:
        return False
    firsts = {place for place, word in enumerate(words) if word in _first_names()}
    lasts = {place for place, word in enumerate(words) if word in _last_names()}
    return bool(firsts and lasts and len(firsts | lasts) > 1)


@cache
def _first_names() -> frozenset[str]:
    return _names("first_name")


@cache
def _last_names() -> frozenset[str]:
    return _names("last_name")


def _names(kind: str) -> frozenset[str]:
    """The names of a kind in all languages that Faker has."""
    import faker.providers.person as people

    found: set[str] = set()
    for module in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"{people.__name__}.{module.name}").Provider
        for attribute in (each for each in dir(provider) if each.startswith(kind)):
            names = getattr(provider, attribute)
            if isinstance(names, Collection):
                found.update(str(name).casefold() for name in names)
    return frozenset(found)
