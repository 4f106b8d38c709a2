"""Columns that hold names of people or what belongs to one are recognised; codes and categories are not."""

from __future__ import annotations

import pytest
from faker import Faker

from aiops_flows.texts.identifying import identifying_kind, is_identifying_name

LOCALES = ["en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "sv_SE", "pt_BR", "tr_TR"]


def made_up(locale: str, what: str) -> list[str]:
    """Thirty values of a kind in a language."""
    faker = Faker(locale)
    faker.seed_instance(1)
    return [str(getattr(faker, what)()) for _ in range(30)]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("name", "names of people"),
        ("iban", "bank accounts"),
        ("email", "e-mail addresses"),
        ("phone_number", "telephone, account or other numbers of people"),
        ("street_address", "streets"),
    ],
)
def test_what_belongs_to_a_person_is_recognised(locale: str, what: str, kind: str) -> None:
    """In ten languages, by form, by the words for a street, or by lists of names."""
    assert identifying_kind(made_up(locale, what)) == kind


@pytest.mark.parametrize("locale", LOCALES[:5])
@pytest.mark.parametrize("what", ["city", "job", "country", "color_name", "word"])
def test_categories_are_not_taken_for_people(locale: str, what: str) -> None:
    """Cities and colours share many words with names of people."""
    assert not identifying_kind(made_up(locale, what))


@pytest.mark.parametrize(
    "values",
    [
        ["late", "in time"],
        ["250/500", "100/300", "500/1000"],
        ["SKU12345", "SKU22345", "SKU99345"],
        ["Vehicle Theft", "Parked Car", "Single Vehicle Collision", "Multi-vehicle Collision"],
        ["Toyota", "Ford", "Mercedes", "Lincoln", "Chrysler", "Kia", "Seat"],
        ["Delta Air Lines", "Southwest Airlines", "United", "American Airlines", "Alaska Airlines"],
    ],
)
def test_codes_and_makes_are_not_personal(values: list[str]) -> None:
    """A few codes that many rows share name nobody."""
    assert not identifying_kind(values)


@pytest.mark.parametrize("name", ["name", "customer_name", "vorname", "e_mail", "iban", "phone_number", "dob"])
def test_a_column_may_say_what_it_holds(name: str) -> None:
    """By the words of several languages."""
    assert is_identifying_name(name)


@pytest.mark.parametrize("name", ["airport_name", "product_name", "strength", "status", "hotel", "filename"])
def test_other_names_are_not_those_of_people(name: str) -> None:
    """What is called a name may be that of an airport."""
    assert not is_identifying_name(name)
