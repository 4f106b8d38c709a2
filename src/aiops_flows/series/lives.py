"""What becomes known of machines: from when they failed, were serviced or were last seen running."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["life_outcomes"]


def life_outcomes(
    cases: pd.DataFrame, ends: pd.DataFrame, *, horizon: int, longest: int, cycle: timedelta = timedelta(days=1)
) -> pd.DataFrame:
    """Outcomes of machines at a moment, as `record_outcomes` takes them.

    ``failure`` is ``yes`` or ``no``: whether the machine failed within ``horizon`` cycles. ``remaining`` is how many
    cycles it still ran, at most ``longest``. Of a life that was ended by a service, or still goes on, only what it
    outlived is known: such an outcome is left out, as guessing would teach that serviced machines live long.
    Each becomes known when it would have been for all: after ``horizon`` or ``longest`` cycles. Counted as soon as it
    fails, the short lives of a period would be known before its long ones, and machines would look worse than they are.

    Args:
        cases: ``case_id``, ``machine``, ``received_at`` and ``age`` in cycles.
        ends: ``machine``, ``at`` (the moment a life ended, or was last seen), ``age`` then, ``failed``.
        horizon: cycles.
        longest: cycles.
        cycle: how long one lasts.

    Returns:
        ``case_id``, ``failure``, ``remaining`` and ``known_at``: one row for each outcome, the other one missing.
    """
    ordered = cases[["case_id", "machine", "received_at", "age"]].sort_values("received_at", kind="stable")
    found = pd.merge_asof(
        ordered.assign(received_at=_moments(ordered["received_at"])),
        ends.assign(at=_moments(ends["at"])).rename(columns={"age": "last_age"}).sort_values("at", kind="stable"),
        left_on="received_at", right_on="at", by="machine", direction="forward",
    )  # fmt: skip
    left, failed = (found["last_age"] - found["age"]).to_numpy(dtype=np.float64), found["failed"].eq(True).to_numpy()  # noqa: FBT003
    said = np.full(len(found), None, dtype=object)
    said[failed & (left <= horizon)], said[left > horizon] = "yes", "no"
    lived = np.where(left >= longest, float(longest), np.where(failed, left, np.nan))
    parts = [
        _known(found, "failure", pd.Series(said), horizon * cycle),
        _known(found, "remaining", pd.Series(lived), longest * cycle),
    ]
    return pd.concat(parts, ignore_index=True)


def _known(found: pd.DataFrame, name: str, values: pd.Series[Any], after: timedelta) -> pd.DataFrame:
    told = pd.DataFrame({"case_id": found["case_id"], "failure": None, "remaining": None}, dtype=object)
    told[name] = values.astype(object)
    return told.assign(known_at=found["received_at"] + after)[values.notna()]


def _moments(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")
