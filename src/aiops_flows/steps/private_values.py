"""No model file holds what names a person or a single case: its texts are looked through before it is stored."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from aiops_flows.case_type import Case
from aiops_flows.errors import TrainingError
from aiops_flows.registry.held_values import texts_in
from aiops_flows.texts.identifying import identifying_kind
from aiops_flows.use_case import ModelSpec

__all__ = ["PrivateColumn", "private_columns", "refuse_private_values"]

_logger = logging.getLogger(__name__)

_NEARLY_UNIQUE = 0.5
_FEWEST_VALUES = 20
_FEW_ROWS = 5


@dataclass(frozen=True)
class PrivateColumn:
    """A feature with values that no model file may hold."""

    values: frozenset[str]
    why: str


def private_columns(case_type: type[Case], spec: ModelSpec, cases: pd.DataFrame) -> dict[str, PrivateColumn]:
    """Feature -> its values that no model file may hold: of columns that are nearly unique, or look personal.

    Args:
        case_type: its texts are left out: models count their words, and keep none of them.
        spec: the model; what it lists in ``public_columns`` is left out, and of a writer everything.
        cases: what it learned from, one column a feature.
    """
    if spec.kind == "writer":
        return {}
    skipped = {*case_type.texts(), *spec.public_columns}
    return {
        name: private for name in spec.features if name not in skipped and (private := _private(_labels(cases[name])))
    }


def refuse_private_values(
    spec: ModelSpec, cases: pd.DataFrame, private: Mapping[str, PrivateColumn], content: bytes
) -> None:
    """Refuse a model file that holds private values; report values in it that only a few rows have.

    Raises:
        TrainingError: the file holds such values. Their columns and number are named, not the values.
    """
    rare = _rare_values(spec, cases, private)
    if not private and not rare:
        return
    held = texts_in(content)
    for name, column in private.items():
        if count := len(column.values & held):
            raise TrainingError(
                f"{spec.name}: the model file would hold {count} values of `{name}`, which {column.why}. Leave it out "
                "of the features, or encode it with LabelCodes(min_rows=10) if each value stands for many cases; if "
                f"its values name nobody, say so: public_columns=[{name!r}]"
            )
    for name, values in rare.items():
        if count := len(values & held):
            _logger.warning(
                "%s: the model file holds %d values of `%s` that fewer than %d rows have; LabelCodes(min_rows=10) puts "
                "them together",
                spec.name,
                count,
                name,
                _FEW_ROWS,
            )


def _labels(column: pd.Series) -> list[str]:
    """The texts of a column; none of a column of numbers or times."""
    if column.dtype.kind in "biufmM":
        return []
    return [value for value in column.tolist() if isinstance(value, str)]


def _private(labels: Sequence[str]) -> PrivateColumn | None:
    different = frozenset(labels)
    if len(different) > max(_FEWEST_VALUES, _NEARLY_UNIQUE * len(labels)):
        return PrivateColumn(different, f"is nearly unique ({len(different)} different values in {len(labels)} rows)")
    if kind := identifying_kind(different):
        return PrivateColumn(different, f"looks like personal data ({kind})")
    return None


def _rare_values(
    spec: ModelSpec, cases: pd.DataFrame, private: Mapping[str, PrivateColumn]
) -> dict[str, frozenset[str]]:
    """Feature -> the values that only a few rows have, of features that are not private."""
    rare = {}
    for name in (each for each in spec.features if each in cases.columns and each not in private):
        counts = pd.Series(_labels(cases[name]), dtype=object).value_counts()
        if values := frozenset(counts.index[counts < _FEW_ROWS]):
            rare[name] = values
    return rare
