"""Quantiles of quantities: asked of an estimator, written beside its answers, and read back as columns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.steps.halving import in_halves
from aiops_flows.use_case import ModelSpec, last_step, quantile_name

__all__ = ["Quantities", "path_of", "quantile_columns", "quantile_texts", "relative_width"]

_AT_ONCE = 10_000  # cases, as in inference
_PATH = ',"path":'  # begins the last part of a text, and stands nowhere before it
_logger = logging.getLogger("aiops_flows.quantiles")

Floats = NDArray[np.float64]
Ask = Callable[[pd.DataFrame], Any]


@dataclass(frozen=True)
class Quantities:
    """How a fitted regressor is asked: for its values, its quantiles, and how sure it is, as far as it can say."""

    predict: Ask
    quantiles: Ask | None
    sure: Ask | None
    levels: tuple[float, ...]
    """Of the quantiles, ascending."""

    @classmethod
    def of(cls, estimator: Any) -> Quantities:
        """The ways in which an estimator, or a Pipeline that ends in one, can be asked."""
        quantiles = _method(estimator, "predict_quantiles")
        last = last_step(estimator)
        levels = getattr(last, "quantiles_", getattr(last, "quantiles", ())) if quantiles else ()
        ordered = tuple(sorted(float(level) for level in levels))
        sure = _method(estimator, "predict_confidence")
        return cls(estimator.predict, quantiles if ordered else None, sure, ordered)

    @property
    def width(self) -> int:
        """Numbers a row: the value, the quantiles, and the confidence where it says one."""
        return 1 + len(self.levels) + (self.sure is not None)

    def ask(self, features: pd.DataFrame) -> Floats:
        """Rows by `width` numbers.

        Raises:
            ValueError: there are not as many quantiles as levels.
        """
        parts = [np.asarray(self.predict(features), np.float64).reshape(len(features), 1)]
        if self.quantiles is not None:
            parts.append(np.asarray(self.quantiles(features), np.float64).reshape(len(features), len(self.levels)))
        if self.sure is not None:
            parts.append(np.asarray(self.sure(features), np.float64).reshape(len(features), 1))
        return np.concatenate(parts, axis=1)

    def read(self, numbers: Floats) -> tuple[Floats, Floats, Floats]:
        """Values, quantiles (rows by levels, ascending in each row) and confidence of what `ask` gave.

        Quantiles that cross are sorted (Chernozhukov, Fernandez-Val and Galichon 2010). Where the estimator does not
        say how sure it is, the confidence is 1 / (1 + relative width of the outermost interval), else NaN.
        """
        values, given = numbers[:, 0], numbers[:, 1 : 1 + len(self.levels)]
        if crossed := int((np.diff(given, axis=1) < 0).any(axis=1).sum()):
            _logger.warning("quantiles of %d of %d cases crossed; they were sorted", crossed, len(given))
        quantiles = np.sort(given, axis=1)
        confidence = numbers[:, -1] if self.sure is not None else 1 / (1 + relative_width(values, quantiles))
        return values, quantiles, confidence


def _method(estimator: Any, name: str) -> Ask | None:
    """A method of an estimator, or that of a Pipeline's last step, behind the steps before it."""
    own: Ask | None = getattr(estimator, name, None)
    steps = getattr(estimator, "steps", None)
    if own is not None or not steps:
        return own
    inner = _method(steps[-1][1], name)
    return None if inner is None else lambda features: inner(_transformed(steps[:-1], features))


def _transformed(steps: Sequence[tuple[str, Any]], features: pd.DataFrame) -> Any:
    seen: Any = features
    for _, step in steps:
        seen = seen if step is None or isinstance(step, str) else step.transform(seen)
    return seen


def relative_width(values: Floats, quantiles: Floats) -> Floats:
    """Width of the interval between the outermost quantiles as a share of the value; NaN where there are not two."""
    if quantiles.shape[1] < 2:
        return np.full(len(values), np.nan)
    width = quantiles[:, -1] - quantiles[:, 0]
    size = np.abs(values) + np.finfo(np.float32).tiny
    with np.errstate(over="ignore"):
        return np.asarray(width / size, np.float64)


def path_of(estimator: Any, features: pd.DataFrame, levels: Sequence[float]) -> list[Any] | None:
    """The quantiles of each of the next periods, a case: periods by levels; None where there are none.

    They are for people to look at: an estimator that fails on them has answered all the same, and that is logged.
    """
    ask = _method(estimator, "predict_path")
    if ask is None or not levels:
        return None
    found: list[Any] = [None] * len(features)

    def asked(start: int, end: int) -> None:
        part = np.asarray(ask(features.iloc[start:end]), np.float64)
        found[start:end] = list(_six_digits(part.reshape(end - start, -1, len(levels))))

    if failed := in_halves(asked, len(features), at_once=_AT_ONCE):
        why = ", ".join(sorted(set(failed.values())))
        _logger.warning("the periods ahead of %d of %d cases are missing: %s", len(failed), len(features), why)
    return found


def _six_digits(numbers: Floats) -> NDArray[np.float32]:
    """Numbers of six digits, as float32: their text is short."""
    size = np.where(numbers == 0, 1.0, np.abs(numbers))
    with np.errstate(invalid="ignore", over="ignore"):
        unit = 10.0 ** (np.floor(np.log10(size)) - 5)
        return np.ascontiguousarray(np.round(numbers / unit) * unit, dtype=np.float32)


def quantile_texts(
    levels: Sequence[float], quantiles: Floats, path: Sequence[Any] | None, failures: Mapping[int, str]
) -> list[str]:
    """JSON texts ``{"q10": 3.1, ..., "path": [[...], ...]}``, one a case; ``{}`` where the estimator failed."""
    names = [quantile_name(level) for level in levels]
    told: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in quantiles.tolist()]
    for position, ahead in enumerate(path or ()):
        if ahead is not None:
            told[position]["path"] = ahead
    for position in failures:
        told[position] = {}
    return [orjson.dumps(each, option=orjson.OPT_SERIALIZE_NUMPY).decode() for each in told]


def quantile_columns(
    spec: ModelSpec, scores: Iterable[str | None], index: pd.Index[Any] | None = None
) -> dict[str, pd.Series[float]]:
    """The quantile columns of a model from the texts that are stored; NaN where a level was not known, or no text is.

    Args:
        spec: the model.
        scores: JSON texts, one a row, as `quantile_texts` makes them.
        index: that of the rows; by default a plain count.
    """
    if not spec.quantiles:
        return {}
    texts = ["null" if not text else _without_path(text) for text in scores]
    told = [each or {} for each in orjson.loads("[" + ",".join(texts) + "]")]
    names = [quantile_name(level) for level in spec.quantiles]
    numbers = np.array([[each.get(name) for name in names] for each in told], np.float64).reshape(len(told), len(names))
    return {
        column: pd.Series(numbers[:, place], index=index, dtype="float64")
        for place, column in enumerate(spec.quantile_columns)
    }


def _without_path(text: str) -> str:
    head, found, _ = text.partition(_PATH)
    return f"{head}}}" if found else text
