"""A person says terms of the kind that was proposed, typed or as values, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.steps.proposed_terms import said_terms
from tests.parcels import PARCELS

FEES = replace(PARCELS, terms={name: lambda parcels: parcels["cost"] for name in ("fee", "route", "insured")})
PROPOSED = {"fee": 12.5, "route": "sea", "insured": False}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"fee": 3}, {"fee": 3}),
        ({"fee": np.float64(3.0)}, {"fee": 3}),
        ({"fee": " 3.25 "}, {"fee": 3.25}),
        ({"fee": "1e2"}, {"fee": 100}),
        ({"route": "120"}, {"route": "120"}),
        ({"insured": "true"}, {"insured": True}),
        ({"insured": np.True_}, {"insured": True}),
        ({"insured": True, "fee": 1}, {"fee": 1, "insured": True}),
        ({}, None),
        (None, None),
    ],
)
def test_a_term_is_read_as_what_was_proposed(said: dict[str, Any] | None, kept: dict[str, Any] | None) -> None:
    """Numbers may be typed, whole ones are kept as such, and a text stays one."""
    found = said_terms(FEES, said, PROPOSED)
    assert found == kept
    assert [type(value) for value in (found or {}).values()] == [type(value) for value in (kept or {}).values()]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"fee": "120"}, 120),
        ({"fee": "12.5"}, 12.5),
        ({"fee": "false"}, False),
        ({"fee": "0012"}, "0012"),
        ({"fee": "by sea"}, "by sea"),
        ({"fee": 7.0}, 7),
    ],
)
def test_where_nothing_was_proposed_a_text_may_be_a_number(said: dict[str, Any], kept: Any) -> None:
    """A text that is a JSON number or truth value is taken as such; any other stays a text."""
    assert said_terms(FEES, said, {"fee": None}) == said_terms(FEES, said, None) == {"fee": kept}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fee", float("nan")),
        ("fee", "inf"),
        ("fee", 10**400),
        ("fee", "secret"),
        ("fee", True),
        ("fee", None),
        ("fee", [3]),
        ("route", 12),
        ("route", ""),
        ("route", "a\x00b"),
        ("route", "\ud800"),
        ("route", "x" * 1_001),
        ("insured", "secret"),
        ("insured", 1),
    ],
)
def test_what_a_term_cannot_be_is_refused(name: str, value: Any) -> None:
    """The message names the term and what it is, and quotes nothing of what was said."""
    with pytest.raises(UseCaseError, match=f"the term {name} of parcels is") as caught:
        said_terms(FEES, {name: value}, PROPOSED)
    assert "secret" not in str(caught.value)


def test_an_unknown_term_is_refused_with_those_there_are() -> None:
    """A mistyped name does not become a term."""
    with pytest.raises(UseCaseError, match=r"no term \['fees'\]; its terms are \['fee', 'route', 'insured'\]"):
        said_terms(FEES, {"fees": 3}, PROPOSED)
    with pytest.raises(UseCaseError, match="it has none"):
        said_terms(PARCELS, {"fee": 3}, None)
