"""Columns derived from histories: level, share of zeros, and why a person should look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from aiops_flows.series.derived import Doubt, RecentLevel, ShareOfZeros
from aiops_flows.series.history import series_of

NAN = float("nan")


def frame(*histories: Sequence[float | None] | None) -> pd.DataFrame:
    """A frame with the column ``history``."""
    return pd.DataFrame(
        {"history": [values if values is None else series_of("month", 600, values) for values in histories]}
    )


def test_level_and_share_of_zeros_are_of_the_known_values() -> None:
    """Gaps count neither as zero nor as a period; without any value there is no level."""
    cases = frame([9, 2, None, 0], [None, None], None, [])
    assert RecentLevel("history", 3)(cases) == [1.0, None, None, None]
    assert ShareOfZeros("history")(cases) == [1 / 3, None, None, None]
    assert ShareOfZeros("history", 2)(cases)[0] == 1.0


@pytest.mark.parametrize(
    ("values", "doubt"),
    [
        ([], "no history"),
        ([5, 6, 5], "short history"),
        ([5] * 20 + [None], "gap at the end"),
        ([5, 6] * 6 + [None] * 14 + [5], "mostly missing"),
        ([50, 60, 70] * 8 + [5, 4.2], "level jumped"),
        ([500, 600, 700] * 8 + [50, 42, 60], "level jumped"),
        ([5, 6, 7] * 8 + [6 * 12], "level jumped"),
        ([5, 6, 7] * 8 + [6_000, 7_000], "level jumped"),
        ([5, 100, 5] * 8 + [900], "level jumped"),
        ([0] * 8 + [1, 0, 0, 1, 0, 12], "absurd last value"),
        ([5, 6, 7] * 8 + [0] * 4, "stopped selling"),
        ([5, 6, 7] * 8 + [14], ""),
        ([5, 6, 7] * 8 + [3], ""),
        ([0, 0, 0, 2] * 8 + [0] * 5, ""),
        ([0] * 30, ""),
        ([20 + 15 * np.cos(month / 6 * np.pi) for month in range(40)], ""),
        ([1, 0, 0, 2, 0, 1, 0, 0, 3, 0, 0, 5], ""),
    ],
)
def test_a_history_that_a_person_should_see_says_why(values: list[float | None], doubt: str) -> None:
    """Gaps, changed units, absurd values and ends are told; seasons, growth and seldom sales are not."""
    assert Doubt("history")(frame(values)) == [doubt]


def test_a_doubt_rests_on_the_case_alone() -> None:
    """In one frame or each alone, cases have the same doubts, levels and shares, to the last bit."""
    random = np.random.default_rng(0)
    histories = [random.poisson(3, length) * random.choice([0.1, 1, 12]) for length in random.integers(0, 90, 60)]
    histories = [np.where(random.random(len(values)) < 0.1, NAN, values) for values in histories]
    whole = frame(*[values.tolist() for values in histories])
    for column in (Doubt("history"), RecentLevel("history"), ShareOfZeros("history")):
        alone = [column(whole.iloc[[row]].reset_index(drop=True))[0] for row in range(len(whole))]
        assert column(whole) == alone
