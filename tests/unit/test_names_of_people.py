"""One person is one person, however the name was typed; two people are two."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_flows.case_log.names import person_key, same_person


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rév", unicodedata.normalize("NFD", "Rév")),
        ("ann", " ANN "),
        ("Ann Lee", "ann\u00a0 lee"),
        ("Ann Lee", "Ann\tLee\n"),
        ("ann", "a\u200bnn"),
        ("ann", "\ufeffann"),
        ("ann", "a\u00adnn"),
        ("ann", "ann\u202c"),
        ("ann", "ann\ufe0f"),
        ("STRASSE", "straße"),
        ("ﬁona", "FIONA"),
        ("\uff21\uff4e\uff4e", "ann"),
        ("ΟΔΥΣΣΕΥΣ", "Οδυσσευς"),
        ("O\u2019Neil", "o'neil"),
        ("O\u00b4Neil", "O'Neil"),
        ("Anne\u2011Marie", "anne-marie"),
        ("Å", "\u212b"),
        ("김", unicodedata.normalize("NFD", "김")),
        ("ann@example.org", "Ann@Example.ORG"),
    ],
)
def test_one_person_has_one_key(one: str, other: str) -> None:
    """Normal forms, case, spaces, invisible characters and typographic marks do not make two people of one."""
    assert same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("ann", "anna"), ("Rév", "Rev"), ("ann lee", "annlee"), ("müller", "muller"), ("ann", "")]
)
def test_different_names_stay_different(one: str, other: str) -> None:
    """A letter, an accent or a space between words tells people apart."""
    assert not same_person(one, other)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u00a0\ufeff", "\u3164"])
def test_a_name_that_nobody_can_see_is_none(name: str) -> None:
    """What draws nothing names nobody."""
    assert person_key(name) == ""


@given(st.text(max_size=40))
def test_the_key_of_a_key_is_itself(name: str) -> None:
    """Folding is finished after once, so that keys can be stored and compared."""
    assert person_key(person_key(name)) == person_key(name)


@given(st.text(max_size=40))
def test_normal_forms_do_not_matter(name: str) -> None:
    """Every normal form of a name has the name's key."""
    forms = [unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)]
    forms += [unicodedata.normalize("NFKC", name), unicodedata.normalize("NFKD", name)]
    assert {person_key(form) for form in forms} == {person_key(name)}


@given(st.text(max_size=40))
def test_upper_and_lower_case_do_not_matter(name: str) -> None:
    """A name in small letters is the same person's."""
    assert same_person(name, name.lower())
