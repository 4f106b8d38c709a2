"""Personal data in a text: where it stands, and the text without it.

Found is what has a form: addresses of mail, links with a token, bank accounts (with their checksum), payment cards
(with theirs), telephone numbers, network addresses, account and order numbers, dates of birth that are called so,
handles. Names, street addresses and what somebody tells in plain words have none: no rule finds them, and no model is
asked. Own patterns come in as ``also``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["KINDS", "Mark", "marks", "masked"]

KINDS = ("url", "email", "handle", "ip", "iban", "birthdate", "id", "card", "phone")
"""What is found; what counts as one kind is not looked at for another."""


class Mark(NamedTuple):
    """A piece of personal data: ``text[start:end]``."""

    kind: str
    start: int
    end: int


Spans = Iterator[Mark]
Patterns = Mapping[str, re.Pattern[str]]

_NEAR_EMAIL = re.compile(r"[@\uff20](?<=[\w.+%-][@\uff20])|[(\[]at[)\]]")
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]++(?:[@\uff20]|[ \t]?[(\[]at[)\]][ \t]?)[\w-]++(?:(?:\.|[ \t]?[(\[]dot[)\]][ \t]?)[\w-]++)++"
)
_URL = re.compile(r"(?<![A-Za-z0-9])(?:https?://|www\.)[^\s<>\"']++", re.IGNORECASE)
_HANDLE = re.compile(r"@(?<![\w@./]@)\w{2,}+")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
# What is looked for by its first digit is found several times faster: hence the looks behind it.
_IPV4 = re.compile(r"\d(?<![\w.]\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IBAN = re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)(?<![A-Za-z0-9][A-Za-z]{2}\d\d)(?:[ -]?[A-Za-z0-9]){11,30}")
_DAY = re.compile(
    r"\d(?<!\w\d)(?:\d{0,3}[./ -]\d{1,2}[./ -]\d{2,4}|\d?(?:st|nd|rd|th)?\.?,? (?:[A-Za-z]{3,9}\.?,? )?\d{4})(?!\d)"
)
_BIRTH = re.compile(
    r"\b(?:dob|d\.o\.b\.?|born(?: on)?|birth ?(?:day|date)|date of birth|geburtsdatum|geboren(?: am)?)\W{1,5}"
    r"(?:is\W)?(?:[A-Za-z]{3,9}\.? )?$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d(?<!\w\d)(?:[ ().\-/]{0,2}\d){5,}")
_CODE_END = re.compile(r"\d[A-Za-z0-9_-]*+")
_CODE_START = re.compile(r"[A-Za-z_-]*\Z")
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?: \d{1,2})?")
_YEARS = re.compile(r"(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d")
_SOCIAL = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")
_MONEY_SIGNS = tuple("$€£¥₹")
_MONEY_AFTER = re.compile(r" ?(?:[$€£¥₹%]|(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?)\b)", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_MANY_DIGITS = re.compile(r"\d(?:\D*+\d){3}")  # an address or a date has four at least
_SHORTEST_CARD, _LONGEST_CARD = 13, 19
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15
_CODE_DIGITS = 5
_SHORTEST_CODE = 7
_KEY_LENGTH = 20


def marks(text: str, also: Patterns | None = None) -> list[Mark]:
    """The personal data of a text, in its order; none overlaps another.

    ``also`` are patterns of your own by kind (lower-case letters), such as those of a policy number; they come first.
    """
    found: list[Mark] = []
    for kind, pattern in (also or {}).items():
        text = _taken(text, found, (Mark(kind, *hit.span()) for hit in pattern.finditer(text) if hit.group()))
    if "://" in text or "www." in text or "WWW." in text:
        text = _taken(text, found, _links(text))
    if _NEAR_EMAIL.search(text):
        text = _taken(text, found, _emails(text))
    if "@" in text:
        text = _taken(text, found, _handles(text))
    if text.count(":") > 1:
        text = _taken(text, found, _addresses_v6(text))
    if _MANY_DIGITS.search(text):
        for look in (_addresses_v4, _accounts, _births, _codes, _numbers):
            text = _taken(text, found, look(text))
    return sorted(found, key=lambda mark: mark.start) if len(found) > 1 else found


def masked(text: str, also: Patterns | None = None) -> str:
    """The text with ``<EMAIL>``, ``<PHONE>`` and so on in place of its personal data."""
    parts, place = [], 0
    for mark in marks(text, also):
        parts += [text[place : mark.start], f"<{mark.kind.upper()}>"]
        place = mark.end
    return "".join([*parts, text[place:]]) if place else text


def _taken(text: str, found: list[Mark], spans: Spans) -> str:
    """Keep what was found, and give the text with it blotted out, so that nothing is found twice."""
    parts, place = [], 0
    for mark in spans:
        found.append(mark)
        parts += [text[place : mark.start], "\0" * (mark.end - mark.start)]
        place = mark.end
    return "".join([*parts, text[place:]]) if place else text


def _emails(text: str) -> Spans:
    return (Mark("email", *hit.span()) for hit in _EMAIL.finditer(text))


def _links(text: str) -> Spans:
    """Links that carry more than a place to read: a query, a user, or a part that looks drawn by lot."""
    for hit in _URL.finditer(text):
        link = hit.group().rstrip(".,;:!?)]")
        if re.search(r"[?@=#]", link) or any(_drawn(part) for part in re.split(r"[/.]", link)[1:]):
            yield Mark("url", hit.start(), hit.start() + len(link))


def _drawn(part: str) -> bool:
    """Whether a part of a link looks like a key or a number of somebody's."""
    return len(_DIGIT.findall(part)) >= _CODE_DIGITS or (len(part) >= _KEY_LENGTH and _DIGIT.search(part) is not None)


def _accounts(text: str) -> Spans:
    for hit in _IBAN.finditer(text):
        start = hit.start() - 2  # the country
        length = _iban_length(text[start : hit.end()])
        if length:
            yield Mark("iban", start, start + length)


def _iban_length(written: str) -> int:
    """How much of a text is a bank account by its country's length and its checksum (ISO 13616); 0 for none."""
    wanted = _IBAN_LENGTHS.get(written[:2].upper(), 0)
    places = [place for place, character in enumerate(written) if character.isalnum()]
    if not wanted or len(places) < wanted:
        return 0
    number = "".join(written[place] for place in places[:wanted]).upper()
    turned = number[4:] + number[:4]
    if int("".join(str(int(character, 36)) for character in turned)) % 97 != 1:
        return 0
    return places[wanted - 1] + 1


def _addresses_v4(text: str) -> Spans:
    return (Mark("ip", *hit.span()) for hit in _IPV4.finditer(text) if _is_address(hit.group()))


def _addresses_v6(text: str) -> Spans:
    return (
        Mark("ip", *hit.span()) for hit in _IPV6.finditer(text) if len(hit.group()) > 2 and _is_address(hit.group())
    )


def _is_address(written: str) -> bool:
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def _births(text: str) -> Spans:
    """Days that the words before them call days of birth."""
    for hit in _DAY.finditer(text):
        if _BIRTH.search(text[max(hit.start() - 40, 0) : hit.start()]):
            yield Mark("birthdate", *hit.span())


def _codes(text: str) -> Spans:
    """Letters and digits mixed: booking and order codes, identity numbers, keys."""
    place = 0
    for hit in _CODE_END.finditer(text):
        letters = _CODE_START.search(text, max(hit.start() - _KEY_LENGTH, place), hit.start())
        start = letters.start() if letters else hit.start()
        place = hit.end()
        code = text[start:place]
        if len(code) >= _SHORTEST_CODE and _drawn(code) and not code.replace("-", "").replace("_", "").isdigit():
            yield Mark("id", start, place)


def _numbers(text: str) -> Spans:
    for hit in _NUMBER.finditer(text):
        before = text[max(hit.start() - 2, 0) : hit.start()]
        start = hit.start() - len(before) + len(before.rstrip("+("))
        kind = _kind_of(text[start : hit.end()], text[max(start - 2, 0) : start], text[hit.end() : hit.end() + 9])
        if kind:
            yield Mark(kind, start, hit.end())


def _kind_of(written: str, before: str, after: str) -> str:
    """What a number of six digits and more is; nothing for dates and amounts of money."""
    digits = "".join(_DIGIT.findall(written))
    if _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD and _has_luhn(digits):
        return "card"
    if _DATE.fullmatch(written) or _YEARS.fullmatch(written):
        return ""
    if before.rstrip()[-1:] in _MONEY_SIGNS or _MONEY_AFTER.match(after):
        return ""
    if _SOCIAL.fullmatch(written):
        return "id"
    dialled = written[0] in "+(0" or len(digits) < len(written)
    return "phone" if dialled and _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE else "id"


def _has_luhn(digits: str) -> bool:
    """The checksum of payment cards (ISO/IEC 7812)."""
    numbers = [int(digit) for digit in digits[::-1]]
    doubled = [number * 2 - 9 * (number > 4) for number in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def _handles(text: str) -> Spans:
    return (Mark("handle", *hit.span()) for hit in _HANDLE.finditer(text))


_IBAN_LENGTHS = {
    country: length
    for length, countries in (
        (15, "NO"), (16, "BE"), (18, "DK FI FO GL NL FK SD"), (19, "MK SI"),
        (20, "AT BA EE KZ LT LU MN XK"), (21, "CH HR LI LV"), (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"), (24, "AD CZ ES MD PK RO SA SE SK TN VG"), (25, "LY PT ST"), (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"), (28, "AL AZ BY CY DO GT HU LB NI PL SV"), (29, "BR EG PS QA UA"),
        (30, "JO KW MU"), (31, "MT SC"), (32, "LC"), (33, "RU"),
    )
    for country in countries.split()
}  # fmt: skip
"""Characters of an account number by country (SWIFT's registry)."""
