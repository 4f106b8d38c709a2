"""Columns that name somebody or something: no model learns from them, and no model file holds their values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiops_flows.starting.columns import MOST_LABELS, Column, is_name
from aiops_flows.texts.identifying import identifying_kind, is_identifying_name

__all__ = ["why_it_identifies"]

_FEWEST_OF_NAMED = 5
"""Different values from which a column called like a name is taken for one: a `phone` of yes and no is none."""
_ROWS_A_NAME = 20
_ROWS_AN_AREA = 10
_AREA = re.compile(r"(?:^|_)(?:zip|zip_code|zipcode|postcode|post_code|postal_code|postal|plz|code_postal|cap)(?:$|_)")
_PART_OF_ROWS = 5


def why_it_identifies(column: Column, values: Sequence[str], rows: int) -> str:
    """Why a column identifies its rows, in words; empty where it does not.

    ``rows`` is how many past rows there are.
    """
    if column.holds in {"nothing", "moment", "number"}:
        return ""
    return _why_personal(column, values) or ("" if column.holds == "text" else _why_too_many(column, rows))


def _why_personal(column: Column, values: Sequence[str]) -> str:
    if column.holds != "whole number" and (kind := identifying_kind(values)):
        return f"personal data: it holds {kind}"
    if is_identifying_name(column.name) and column.distinct >= _FEWEST_OF_NAMED:
        return "personal data, by its name"
    return ""


def _why_too_many(column: Column, rows: int) -> str:
    if _AREA.search(column.name) and column.distinct * _ROWS_AN_AREA > rows:
        return f"{column.distinct} areas, too small to hide a person in"
    many = column.distinct > min(MOST_LABELS, rows // 2)
    if is_name(column) and (many or column.distinct * _ROWS_A_NAME > rows):
        return "it names something, which a model would learn by heart"
    if column.holds == "label" and (many or column.distinct * _PART_OF_ROWS > rows):
        return f"{column.distinct} different labels, too many to learn from"
    return ""
