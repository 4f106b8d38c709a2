"""A declared field for which a source has no column never counts as missing without a word."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
import pytest
from pydantic import Field
from sklearn.linear_model import LogisticRegression

from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.steps.delivery import SeparateRows
from aiops_flows.steps.missing_columns import cases_that_lack, fields_behind_decisions, refuse_missing
from aiops_flows.steps.sources import deliveries
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase


class Claim(Case):
    """A claim, of which four fields bear on decisions, and one does not."""

    amount: float
    region: str | None = Field(None, alias="Region Code")
    days: int = 0
    vip: bool | None = None
    remark: str | None = None
    derived: ClassVar = {"long": lambda claims: claims.days > 30, "twice": lambda claims: claims["long"]}


def use_case(case: type[Case] = Claim, **policy: Any) -> UseCase:
    """A use case that learns from two fields and one derived column, with a rule that reads another."""
    model = ModelSpec(
        name="fraud",
        features=["amount", "region", "twice"],
        output="is_fraud",
        estimator=LogisticRegression(),
        gates=[Gate("accuracy", at_least=0.1)],
    )
    auto = {"pay": lambda claims: (claims.is_fraud == "no") & ~(claims["vip"] == True)}  # noqa: E712
    return UseCase(name="claims", case=case, models=[model], review=ReviewPolicy(verdicts=["pay"], auto=auto, **policy))


WHOLE = {"case_id": "a", "amount": 1.0, "Region Code": "north", "days": 3, "vip": False}


def test_decisions_rest_on_what_models_rules_and_derived_columns_read() -> None:
    """Seen by calling each with a frame of no cases; a derived column stands for what it is derived from."""
    assert fields_behind_decisions(use_case()) == {"amount", "region", "days", "vip"}


def test_a_function_that_cannot_be_watched_may_read_everything() -> None:
    """In doubt, every field counts."""

    class Odd(Claim):
        derived: ClassVar = {"twice": lambda claims: [row.days for row in claims.itertuples()]}

    assert "remark" in fields_behind_decisions(use_case(Odd))


@pytest.mark.parametrize("column", ["Region Code", "days", "vip"])
def test_a_table_without_such_a_column_is_refused(column: str) -> None:
    """Whatever its default: before a case is stored, and with the way out."""
    (delivery,) = deliveries(pd.DataFrame([WHOLE]).drop(columns=column))
    with pytest.raises(SourceError, match=f"has no column '{column}'.*optional_columns"):
        refuse_missing(use_case(), delivery)


@pytest.mark.parametrize("renamed", ["region_code", "REGION CODE", "Regioncode", "Région Code"])
def test_the_error_names_the_column_that_may_be_meant(renamed: str) -> None:
    """Case, accents and small differences are seen; they are not read over, since both may exist."""
    (delivery,) = deliveries(pd.DataFrame([WHOLE]).rename(columns={"Region Code": renamed}))
    with pytest.raises(SourceError, match=f"Renamed\\? '{renamed}' may be 'Region Code'"):
        refuse_missing(use_case(), delivery)


def test_a_column_that_no_decision_rests_on_may_be_left_out() -> None:
    """It is counted, and that is all."""
    (delivery,) = deliveries(pd.DataFrame([WHOLE]))
    refuse_missing(use_case(), delivery)


def test_a_field_can_say_that_its_absence_is_normal() -> None:
    """For tables and for rows."""

    class Lenient(Claim):
        optional_columns: ClassVar = frozenset({"region", "vip"})

    short = {name: value for name, value in WHOLE.items() if name not in {"Region Code", "vip"}}
    for source in (pd.DataFrame([short]), [short]):
        (delivery,) = deliveries(source)
        refuse_missing(use_case(Lenient), delivery)
        assert not cases_that_lack(use_case(Lenient), delivery)


def test_rows_that_never_name_a_field_go_to_people() -> None:
    """A key that some rows leave out has no value there; one that none has may have been renamed."""
    bare = {"case_id": "b", "amount": 2.0, "days": 1, "vip": None}
    (some,) = deliveries([WHOLE, bare])
    assert not cases_that_lack(use_case(), some)
    (none,) = deliveries([bare, {**bare, "case_id": " c "}])
    assert cases_that_lack(use_case(), none) == dict.fromkeys(
        "bc", "its source names no 'Region Code', on which the decision rests"
    )


def test_requests_that_came_one_by_one_are_each_a_source() -> None:
    """What becomes of a case does not depend on which others came in the same moment."""
    (delivery,) = deliveries(SeparateRows([WHOLE, {"case_id": "b", "amount": 2.0, "days": 1, "vip": None}]))
    assert list(cases_that_lack(use_case(), delivery)) == ["b"]


def test_a_misspelt_optional_column_is_refused_at_the_declaration() -> None:
    """Else it would change nothing, and nobody would notice."""

    class Misspelt(Claim):
        optional_columns: ClassVar = frozenset({"regoin"})

    with pytest.raises(UseCaseError, match="regoin"):
        use_case(Misspelt)
