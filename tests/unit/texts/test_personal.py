"""Personal data that has a form is found, and nothing else is taken for it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_flows.texts.personal import KINDS, marks, masked


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("jo.doe+shop@mail.example.com", "email"),
        ("jo@exämple.de", "email"),
        ("jo (at) example (dot) com", "email"),
        ("jo[at]example.com", "email"),
        ("https://shop.example.com/reset?token=abcdef", "url"),
        ("https://jo:secret@example.com/", "url"),
        ("www.example.com/orders/12345678", "url"),
        ("@somebody_else", "handle"),
        ("@806084", "handle"),
        ("192.168.10.20", "ip"),
        ("2001:db8::ff00:42:8329", "ip"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("4111 1111 1111 1111", "card"),
        ("5500-0000-0000-0004", "card"),
        ("378282246310005", "card"),
        ("+49 (30) 1234-5678", "phone"),
        ("(020) 7946 0958", "phone"),
        ("555-010-9999", "phone"),
        ("078-05-1120", "id"),
        ("AB123456C", "id"),
        ("ORD-2026-778812", "id"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id"),
        ("20260011234", "id"),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", "id"),
    ],
)
def test_personal_data_is_found_with_its_kind(written: str, kind: str) -> None:
    """In the middle of a sentence, and exactly where it stands."""
    text = f"My details: {written}, please check."
    (mark,) = marks(text)
    assert (mark.kind, text[mark.start : mark.end]) == (kind, written)
    assert masked(text) == f"My details: <{kind.upper()}>, please check."


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-01-02 at 10:30:15, or 01/02/2026",
        "between 2019 and 2020, 2019-2020",
        "it cost $1,000,000 and then 1000000 EUR or £ 250000.00",
        "version 10.2.3, room 12345, iPhone12 with 256 GB, 5 x 4 = 20",
        "see https://www.example.com/help/returns",
        "std::vector, :: and 9.9.9",
        "price @5 and a @ b",
        "GB82 is no account",
        "state-of-the-art well-being",
    ],
)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    """Dates, times, amounts, versions and plain links are no personal data."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "said", ["DOB: 01/02/1980", "I was born on 2 January 1980", "date of birth is January 2, 1980"]
)
def test_a_day_is_personal_where_it_is_called_a_birthday(said: str) -> None:
    """The words before it decide."""
    assert [mark.kind for mark in marks(said)] == ["birthdate"]


def test_a_checksum_decides_between_an_account_and_a_number() -> None:
    """A mistyped account number or card is masked all the same, as a number."""
    assert "<IBAN>" not in masked("DE88 3704 0044 0532 0130 00")
    assert not re.search(r"\d{4}", masked("DE88 3704 0044 0532 0130 00"))
    assert masked("4111 1111 1111 1112") == "<ID>"


def test_own_patterns_come_first() -> None:
    """What only the business knows is masked under a kind of its own."""
    policies = {"policy": re.compile(r"\bP/\d{4}\b")}
    assert masked("policy P/1234 of jo@example.com", policies) == "policy <POLICY> of <EMAIL>"


@given(st.text(alphabet=st.sampled_from("aZ09@.:/+-_ ()<>DE\n"), max_size=120))
def test_masking_twice_is_masking_once(text: str) -> None:
    """Marks lie in order, apart, inside the text; and no mask holds personal data."""
    found = marks(text)
    assert all(mark.kind in KINDS and 0 <= mark.start < mark.end <= len(text) for mark in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert masked(masked(text)) == masked(text)
