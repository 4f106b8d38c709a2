"""What a version is asked before and after it was stored: rows that stand for no case, of the right shape."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from aiops_flows.errors import RegistryError
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.registry.model_file import refuse_forgetful
from aiops_flows.series.history import History, values_of
from aiops_flows.steps.made_up import made_up_rows
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case

REAL = pd.DataFrame(
    {
        "thread": pd.Series([[{"speaker": "customer", "text": "my secret"}]], dtype=object),
        "turns": np.array([1], dtype="int64"),
        "channel": ["mail"],
    }
)


class Ticket(Case):
    """A case with a conversation."""

    thread: Thread | None
    turns: int
    channel: str


class Counting(WriterMixin, BaseEstimator):
    """Writes how many letters the first turn has; loses that once it was stored."""

    lost = False

    def fit(self, X: pd.DataFrame, y: Any) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Nothing is learned."""
        return self

    def predict(self, X: pd.DataFrame) -> list[str | None]:  # noqa: N803
        """A text a row."""
        return [None if self.lost or thread is None else str(len(thread[0]["text"])) for thread in X["thread"]]


class Wavering(Counting):
    """Says of itself that it does not write the same twice."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


def forgetful(kind: type[Counting]) -> Counting:
    estimator = kind()
    estimator.lost = True
    return estimator


def test_made_up_rows_have_threads_and_nothing_of_a_case() -> None:
    """Names and types are those of the features, the values are ours."""
    rows = made_up_rows(Ticket, REAL)
    assert rows.dtypes.equals(REAL.dtypes)
    assert "secret" not in repr(rows.to_dict())
    assert rows["thread"].map(lambda thread: thread is None or thread[0]["speaker"] == "customer").all()


def test_without_lists_the_registry_makes_up_its_own() -> None:
    """Nothing is given where names and types are enough."""
    assert made_up_rows(Ticket, REAL[["turns", "channel"]]).empty


def test_a_writer_that_forgets_is_not_registered() -> None:
    """It is asked on made-up threads; one that never writes the same twice is not asked."""
    rows = made_up_rows(Ticket, REAL)
    refuse_forgetful(Counting(), Counting(), rows)
    with pytest.raises(RegistryError, match="after it was stored"):
        refuse_forgetful(Counting(), forgetful(Counting), rows)
    refuse_forgetful(Wavering(), forgetful(Wavering), rows)


class Line(Case):
    """A case with a history."""

    history: History
    stock: float


def test_a_history_is_made_up_as_a_history() -> None:
    """A forecaster is asked about series it could meet: a seasonal one, one that seldom sells, and none at all."""
    real = pd.DataFrame({"history": [{"every": "month", "first": "2025-01-01", "values": [4_711.0]}], "stock": [1.0]})
    rows = made_up_rows(Line, real)
    values = values_of(rows["history"])
    assert np.isfinite(values).sum(axis=1).tolist() == [36, 6, 0]
    assert 4_711.0 not in values
    assert rows["stock"].tolist() == [0.0, 1.0, 2.0]
