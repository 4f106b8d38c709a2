"""Transformers of labels and of moments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.preprocessing import OrdinalEncoder

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.labels import LabelCodes, LabelParts
from aiops_flows.estimators.moments import ElapsedDays, MomentParts

LABELS = pd.DataFrame({"site": ["a"] * 5 + ["b"] * 3 + ["c"] + [None]})
LISTS = pd.DataFrame({"items": ["Cameras; Cameras", "Clothing;Cameras", None, "", "Hats"]})


def moments(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(pd.Series(texts, dtype=object), utc=True, format="ISO8601"))


def test_common_labels_get_their_own_code_and_rare_and_new_ones_share_one() -> None:
    """The commonest is 0; what was rare in training or never seen is one kind; missing stays missing."""
    codes = LabelCodes(min_rows=2).fit(LABELS)
    given = pd.DataFrame({"site": ["a", "b", "c", "new", None]})
    np.testing.assert_array_equal(codes.transform(given)[:, 0], [0, 1, 2, 2, np.nan])


def test_codes_tell_labels_apart_as_scikit_learn_does() -> None:
    """Two rows get the same code exactly where OrdinalEncoder gives them the same."""
    random = np.random.default_rng(0)
    labels = pd.DataFrame({"x": random.choice(list("abcdefghij"), size=500, p=np.arange(10) / 45)})
    ours = LabelCodes(min_rows=30).fit_transform(labels)[:, 0]
    theirs = OrdinalEncoder(min_frequency=30).fit_transform(labels)[:, 0]
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))


def test_no_more_codes_than_asked_for() -> None:
    """Histogram boosting takes 255 categories at most, so the rarest of many labels share one."""
    labels = pd.DataFrame({"x": [f"{number:04d}" for number in range(1_000)] * 2})
    assert LabelCodes(min_rows=1, most=250).fit_transform(labels).max() == 250


def test_lists_of_labels_are_counted_by_part() -> None:
    """Each common part has a column of counts; the last column counts all, new ones too."""
    parts = LabelParts(min_rows=1).fit(LISTS.iloc[:4])
    assert parts.get_feature_names_out().tolist() == ["items_Cameras", "items_Clothing", "items_count"]
    expected = [[2, 0, 2], [1, 1, 2], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    np.testing.assert_array_equal(parts.transform(LISTS), expected)


def test_elapsed_days_leave_the_time_of_day_out() -> None:
    """Late one evening to early next morning is one day, whether or not the time is given."""
    pairs = pd.DataFrame(
        {
            "from": moments("2024-01-01T23:00:00", "2024-01-01", None, "1924-01-01"),
            "to": moments("2024-01-02T01:00:00", "2024-01-02T00:00:00", "2024-01-02", "2024-01-02"),
        }
    )
    days = ElapsedDays(longest=1_000).fit(pairs)
    np.testing.assert_array_equal(days.transform(pairs)[:, 0], [1, 1, np.nan, 1_000])
    assert days.get_feature_names_out().tolist() == ["from_to_to_days"]


def test_elapsed_days_need_two_columns() -> None:
    """From and to, no more and no less."""
    with pytest.raises(TrainingError, match="two columns"):
        ElapsedDays().fit(pd.DataFrame({"from": moments("2024-01-01")}))


def test_parts_of_moments_and_of_dates_without_time() -> None:
    """Hour, weekday, month and day; midnight sharp is a date whose hour nobody gave."""
    given = pd.DataFrame({"at": moments("2024-02-05T13:45:00", "2024-02-05", None)})
    parts = MomentParts(parts=("hour", "weekday", "month", "day")).fit(given)
    expected = [[13, 0, 2, 19758], [np.nan, 0, 2, 19758], [np.nan] * 4]
    np.testing.assert_array_equal(parts.transform(given), expected)
    assert parts.get_feature_names_out().tolist() == ["at_hour", "at_weekday", "at_month", "at_day"]


def test_columns_where_every_moment_is_missing_are_numbers_too() -> None:
    """A batch in which nobody gave a date is scored like any other."""
    given = pd.DataFrame({"at": pd.Series([None, None], dtype=object)})
    assert np.isnan(MomentParts().fit(given).transform(given)).all()


@pytest.mark.parametrize("transformer", [LabelCodes(), LabelParts(), MomentParts(parts=("day",)), ElapsedDays()])
def test_transformers_have_scikit_learns_manners(transformer: LabelCodes) -> None:
    """A clone has the same parameters and nothing that was learned."""
    copy = clone(transformer)
    assert copy is not transformer
    assert copy.get_params() == transformer.get_params()
