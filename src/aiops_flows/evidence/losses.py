"""How bad an answer was, between 0 and 1: what a certificate keeps below its limit on average.

Each loss is called with what was said and what was true, row by row, and gives one number a row. An answer or a truth
that is missing costs 1: what cannot be judged is not counted as right. The text of a loss (`repr`) tells all there is
to it, so that it can be part of a policy's version.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aiops_flows.use_case import CaseCost

__all__ = ["Beyond", "Cost", "Loss", "ShareOfWorst", "Wrong", "beyond", "cost", "share_of_worst", "wrong"]

Floats = NDArray[np.float64]
CaseColumn = Callable[[pd.DataFrame], ArrayLike]
"""Frame of cases -> one number a row."""


class Loss(Protocol):
    """How bad each answer was: what was said, what was true → one number between 0 and 1 a row."""

    def __call__(self, said: ArrayLike, true: ArrayLike, /) -> Floats:
        """One number between 0 and 1 a row."""
        ...


@dataclass(frozen=True)
class Wrong:
    """1 where what was said is not what was true. Its mean is the share of wrong answers."""

    def __call__(self, said: ArrayLike, true: ArrayLike, /) -> Floats:
        """1 for a wrong or missing answer, else 0."""
        answers, truth = np.asarray(said, object), np.asarray(true, object)
        _check_shapes(answers.shape, truth.shape)
        judged = ~(pd.isna(answers) | pd.isna(truth))
        losses = np.ones(len(answers))
        losses[judged] = [one != other for one, other in zip(answers[judged], truth[judged], strict=True)]
        return losses


@dataclass(frozen=True)
class Beyond:
    """1 where a quantity is further from the truth than allowed. Its mean is the share of answers that are too far."""

    share: float = 0.1
    """Distance allowed, as a share of the truth's size."""
    absolute: float = 0.0
    """Distance allowed in any case, in the unit of the quantity."""

    def __post_init__(self) -> None:
        _check_not_negative(share=self.share, absolute=self.absolute)

    def __call__(self, said: ArrayLike, true: ArrayLike, /) -> Floats:
        """1 for a quantity further away than allowed or missing, else 0."""
        quantities, truth = _quantities(said, true)
        allowed = np.maximum(self.share * np.abs(truth), self.absolute)
        slack = 1e-12 * np.abs(truth)  # 110 is within a tenth of 100, whatever binary fractions make of it
        near: NDArray[np.bool_] = np.abs(quantities - truth) <= allowed + slack
        return np.where(near & np.isfinite(quantities) & np.isfinite(truth), 0.0, 1.0)


@dataclass(frozen=True)
class Cost:
    """What an error of a quantity costs, as a share of the worst. Its mean times ``worst`` is the mean cost."""

    under: float = 5.0
    """Cost of each unit by which the answer is too low."""
    over: float = 1.0
    """Cost of each unit by which it is too high."""
    worst: float = 1_000.0
    """The cost at which an answer is as bad as any: what costs more counts as this."""

    def __post_init__(self) -> None:
        _check_not_negative(under=self.under, over=self.over)
        if not 0 < self.worst < math.inf:
            raise ValueError(f"worst is {self.worst}; give the cost that counts as the worst, above 0")

    def __call__(self, said: ArrayLike, true: ArrayLike, /) -> Floats:
        """The cost of each answer as a share of the worst; 1 for a missing one."""
        quantities, truth = _quantities(said, true)
        missing = ~(np.isfinite(quantities) & np.isfinite(truth))
        distance = np.where(missing, 0.0, quantities - np.where(missing, 0.0, truth))
        costs = np.where(distance < 0, -self.under * distance, self.over * distance)
        return np.where(missing, 1.0, np.minimum(costs / self.worst, 1.0))


@dataclass(frozen=True)
class ShareOfWorst:
    """What acting on an answer costs, as a share of the worst cost; what costs more, or is not known, counts as 1.

    It looks at whole cases (`of_cases`), since the cost may depend on any column of them.
    """

    cost: CaseCost
    worst: float | str | CaseColumn
    """The cost at which an answer is as bad as any: a number, a column of the case (or a term), or a function that
    gives one number a row."""

    def __post_init__(self) -> None:
        if isinstance(self.worst, int | float) and not 0 < self.worst < math.inf:
            raise ValueError(f"worst is {self.worst}; give the cost that counts as the worst, above 0")

    def of_cases(self, cases: pd.DataFrame, true: NDArray[Any]) -> Floats:
        """The cost of each answer as a share of the worst; 1 where cost, worst or truth is missing."""
        costs = np.asarray(self.cost(cases, true), np.float64)
        _check_shapes(costs.shape, (len(cases),))
        worst = np.broadcast_to(np.asarray(self._worst(cases), np.float64), costs.shape)
        known = np.isfinite(costs) & (worst > 0) & ~pd.isna(true)
        shares = np.divide(costs, worst, out=np.ones(len(costs)), where=known)
        return np.where(known & (costs >= 0), np.minimum(shares, 1.0), 1.0)

    def _worst(self, cases: pd.DataFrame) -> Any:
        if isinstance(self.worst, str):
            return cases[self.worst]
        return self.worst(cases) if callable(self.worst) else self.worst

    def __call__(self, _said: ArrayLike, _true: ArrayLike, /) -> Floats:
        """Never: a cost is that of whole cases.

        Raises:
            ValueError: always.
        """
        raise ValueError("the cost of an answer depends on its case; call of_cases with a frame of cases")


wrong: Loss = Wrong()
"""The share of wrong answers: of classes, or of verdicts."""


def beyond(share: float = 0.1, absolute: float = 0.0) -> Beyond:
    """The share of quantities further from the truth than ``share`` of it and than ``absolute``, whichever is more.

    Raises:
        ValueError: a negative or infinite distance.
    """
    return Beyond(share, absolute)


def cost(under: float = 5.0, over: float = 1.0, worst: float = 1_000.0) -> Cost:
    """The mean cost of quantities as a share of ``worst``; too low costs ``under`` a unit, too high ``over``.

    A limit of 0.05 on it means: at most 5 % of ``worst`` a case, on average.

    Raises:
        ValueError: a negative or infinite cost, or nothing as the worst.
    """
    return Cost(under, over, worst)


def share_of_worst(cost: CaseCost, worst: float | str | CaseColumn) -> ShareOfWorst:
    """What acting on an answer costs as a share of ``worst``, at most 1: money, as a certificate can bound it.

    A limit of 0.05 on it means: at most 5 % of the worst cost a case, on average. ``worst`` is a number, the name of a
    column or term, or a function of the frame.

    Raises:
        ValueError: nothing as the worst.
    """
    return ShareOfWorst(cost, worst)


def _quantities(said: ArrayLike, true: ArrayLike) -> tuple[Floats, Floats]:
    quantities, truth = np.asarray(said, np.float64), np.asarray(true, np.float64)
    _check_shapes(quantities.shape, truth.shape)
    return quantities, truth


def _check_shapes(answers: tuple[int, ...], truth: tuple[int, ...]) -> None:
    if answers != truth or len(answers) != 1:
        raise ValueError(f"answers of shape {answers} and truths of shape {truth}: expected one of each a row")


def _check_not_negative(**given: float) -> None:
    for name, value in given.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}; give a number from 0 up")
