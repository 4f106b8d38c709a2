"""Which moments a backtest begins at, and how what was said at them becomes one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.answers import Scored
from aiops_flows.steps.backtesting import pooled, rolling_origins


def test_origins_are_the_last_moments_each_with_as_many_to_judge() -> None:
    """The last origin has as many moments to be judged on as the others; a short record has fewer origins."""
    moments = pd.Series(pd.date_range("2026-01-01", periods=7, tz="UTC"))
    assert rolling_origins(moments, 2, 3) == [(moments[1], moments[4]), (moments[4], None)]
    assert len(rolling_origins(moments, 99, 1)) == 7
    assert rolling_origins(moments, 1, 8) == []
    with pytest.raises(UseCaseError, match="1 or more"):
        rolling_origins(moments, 0, 1)


def test_a_class_that_was_not_known_at_an_origin_had_no_chance_there() -> None:
    """Answers of several origins are one; probabilities have a column for every class that any of them knew."""
    first = Scored(["a"], np.array([[0.6, 0.4]]), ["a", "c"])
    second = Scored(["b"], np.array([[0.3, 0.7]]), ["a", "b"])
    whole = pooled([first, second])
    assert (list(whole.values), whole.classes) == (["a", "b"], ["a", "b", "c"])
    assert whole.probabilities is not None
    assert whole.probabilities.tolist() == [[0.6, 0.0, 0.4], [0.3, 0.7, 0.0]]


def test_what_one_origin_lacks_the_whole_lacks() -> None:
    """Quantiles and costs of some origins only are not those of all."""
    first = Scored([1.0], quantiles=np.array([[0.5, 2.0]]), levels=(0.1, 0.9), costs=np.array([3.0]))
    whole = pooled([first, first])
    assert whole.quantiles is not None
    assert (whole.quantiles.shape, whole.levels) == ((2, 2), (0.1, 0.9))
    assert pooled([first, Scored([2.0])]).costs is None
