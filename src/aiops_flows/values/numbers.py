"""Numbers as people and spreadsheets write them: ``1.234,56``, ``$1,234.50``, ``(12)``, ``5%``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from aiops_flows.values.texts import tidy

__all__ = ["Convention", "WrittenNumber", "convention_of", "number_text", "written_number"]

Convention = Literal["point", "comma"]
"""Which sign parts the decimals: ``1,234.56`` or ``1.234,56``."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_POINT_GROUPS = re.compile(r"\d{1,3}(\.\d{3})+")
_COMMA_GROUPS = re.compile(r"\d{1,3}(,\d{3})+")
_INDIAN_GROUPS = re.compile(r"\d{1,2}(,\d{2})+,\d{3}(\.\d+)?")
_SPACED = re.compile(r"\d{1,3}(?:([ '\u2019])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_WITH_POINT = re.compile(r"\d{1,3}(,\d{3})+\.\d+")
_WITH_COMMA = re.compile(r"\d{1,3}(\.\d{3})+,\d+")
_COMMA = re.compile(r"\d*,\d+")
_POINT = re.compile(r"\d*\.\d+")
_FORMS = (_PLAIN, _SPACED, _INDIAN_GROUPS, _COMMA_GROUPS, _POINT_GROUPS, _WITH_POINT, _WITH_COMMA, _COMMA)
_CODES = (
    "AED AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD PEN PHP "
    "PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
_SIGNS = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₫": "VND",
    "₪": "ILS", "฿": "THB", "$": "$", "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD",
    "R$": "BRL", "kr": "kr", "kr.": "kr", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON", "Fr.": "CHF",
    "SFr.": "CHF", "Rs": "INR", "Rs.": "INR", "Euro": "EUR", "EURO": "EUR",
}  # fmt: skip
_CURRENCIES = _SIGNS | {code: code for code in _CODES.split()}
_MARK = "|".join(re.escape(mark) for mark in sorted(_CURRENCIES, key=len, reverse=True))
_BEFORE = re.compile(rf"(?P<mark>{_MARK}) ?(?=[-+\d.,(])")
_AFTER = re.compile(rf"(?<=[\d.,)-]) ?(?P<mark>{_MARK})")
_LONGEST = 80


@dataclass(frozen=True)
class WrittenNumber:
    """A number as it is written, taken apart."""

    body: str
    """Digits with their marks, without a sign."""
    negative: bool
    percent: bool
    currency: str
    """Empty where none is named."""

    @property
    def shows(self) -> Convention | None:
        """The convention that this number alone shows; None where it fits both, or neither is in it."""
        body = self.body
        if _PLAIN.fullmatch(body):
            return "point" if _POINT.fullmatch(body) and not _is_group(body, _POINT_GROUPS) else None
        if _WITH_POINT.fullmatch(body) or _INDIAN_GROUPS.fullmatch(body):
            return "point"
        if _WITH_COMMA.fullmatch(body):
            return "comma"
        if _is_group(body, _COMMA_GROUPS):
            return "point" if body.count(",") > 1 else None
        if _is_group(body, _POINT_GROUPS):
            return "comma" if body.count(".") > 1 else None
        return "comma" if _COMMA.fullmatch(body) else None

    @property
    def is_open(self) -> bool:
        """Whether its value depends on the convention: ``1,234`` and ``1.234`` are two numbers each."""
        body = self.body
        one_comma = _is_group(body, _COMMA_GROUPS) and body.count(",") == 1
        return one_comma or (_is_group(body, _POINT_GROUPS) and body.count(".") == 1)

    def plain(self, convention: Convention | None) -> str | None:
        """The digits with a decimal point and nothing else; None where they make no number in this convention."""
        body = self.body
        if _SPACED.fullmatch(body):
            return re.sub(r"[ '\u2019]", "", body).replace(",", ".")
        if self.is_open:
            return self._closed(convention)
        shown = self.shows
        if shown is None and not _PLAIN.fullmatch(body):
            return None
        return body.replace(".", "").replace(",", ".") if shown == "comma" else body.replace(",", "")

    def _closed(self, convention: Convention | None) -> str | None:
        if convention is None and "," in self.body:
            return None
        if convention == "comma":
            return self.body.replace(".", "").replace(",", ".")
        return self.body.replace(",", "")


def _is_group(body: str, groups: re.Pattern[str]) -> bool:
    """Whether these may be thousands: a number does not begin with 0 and a mark for thousands."""
    return body[:1] != "0" and groups.fullmatch(body) is not None


@lru_cache(maxsize=8_192)
def written_number(text: str) -> WrittenNumber | None:
    """A text taken apart as a number; None where it is none."""
    if len(text) > _LONGEST:
        return None
    text = tidy(text).replace("\u2212", "-").replace("\u2013", "-")
    currency = ""
    for mark in (_BEFORE, _AFTER):
        if found := mark.search(text):
            if currency:
                return None
            currency, text = _CURRENCIES[found["mark"]], (text[: found.start()] + text[found.end() :]).strip()
    percent = text.endswith("%") or text.startswith("%")
    text = text.strip("%").strip() if percent else text
    negative = text[:1] == "-" or text[-1:] == "-"
    if text[:1] == "(" and text[-1:] == ")":  # as accounts write what is owed
        negative, text = True, text[1:-1]
    elif text[:1] in {"-", "+"}:
        text = text[1:]
    elif text[-1:] == "-":
        text = text[:-1]
    body = text.strip()
    if body[:1] in {"+", "-"} or not any(form.fullmatch(body) for form in _FORMS):
        return None
    return WrittenNumber(body, negative, percent, currency)


def number_text(text: str, convention: Convention | None = None) -> str | None:
    """A number as Python reads it, of a text in any of the usual forms; None where it is none, or two numbers fit.

    ``5%`` is 0.05, as a spreadsheet computes with it.
    """
    if convention is None and _PLAIN.fullmatch(plain := text.strip()):
        return plain
    written = written_number(text)
    digits = None if written is None else written.plain(convention)
    if written is None or digits is None:
        return None
    signed = f"-{digits}" if written.negative else digits
    return format(Decimal(signed) / 100, "f") if written.percent else signed


def convention_of(numbers: Iterable[WrittenNumber]) -> set[Convention]:
    """The conventions that numbers show; two where they contradict each other."""
    return {shown for each in numbers if (shown := each.shows) is not None}
