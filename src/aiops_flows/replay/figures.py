"""The figures of a replay, period by period."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_scalar

from aiops_flows.evidence import exact_interval
from aiops_flows.evidence.auditing import audited_share

__all__ = ["Period", "figures", "periods", "plain", "records"]

Period = Literal["month", "quarter", "year"]

_COUNTED = {
    "promotions": ("promoted",),
    "refusals": ("refused",),
    "rollbacks": ("rolled back",),
    "certificates": ("certificate",),
    "drift_checks": ("drift check: drift", "drift check: no drift", "drift check: unknown"),
    "drift_found": ("drift check: drift",),
    "alarms": ("alarm raised",),
}


def periods(
    rows: pd.DataFrame, events: pd.DataFrame, worked: pd.DataFrame, *, target: float, by: Period
) -> pd.DataFrame:
    """One row a period of receipt, and a last one for all of them; columns as `figures` gives them.

    Args:
        rows: a row a case; see `aiops_flows.replay.ledger`.
        events: what happened, and when (``at``, ``what``).
        worked: when the people answered, and for how long (``at``, ``seconds``).
        target: what the policy has certified.
        by: the length of a period.
    """
    keys, happened, answered = _key(rows["received_at"], by), _key(events["at"], by), _key(worked["at"], by)
    found = []
    for name in [*sorted(set(keys)), "all"]:
        chosen = [
            frame if name == "all" else frame[(key == name).to_numpy()]
            for frame, key in ((rows, keys), (events, happened), (worked, answered))
        ]
        hours = {"reviewer_hours": float(chosen[2]["seconds"].sum() / 3_600)}
        found.append({"period": name} | figures(chosen[0], chosen[1], target) | hours)
    return pd.DataFrame(found)


def _key(moments: pd.Series[Any], by: Period) -> pd.Series[str]:
    if not len(moments):
        return pd.Series(dtype=object)
    moments = pd.to_datetime(moments, utc=True)
    if by == "quarter":
        return moments.dt.strftime("%Y Q") + moments.dt.quarter.astype(str)
    return moments.dt.strftime("%Y" if by == "year" else "%Y-%m")


def figures(rows: pd.DataFrame, events: pd.DataFrame, target: float) -> dict[str, Any]:
    """Figures of some cases and what happened meanwhile.

    ``error`` is the mean loss of the automatic decisions whose truth is ever known, with its exact 95 % interval.
    ``audit_…`` is what the audit lane alone tells of the same decisions; ``audit_covers``: its interval holds the error
    on the truth. None where there is nothing to measure.
    """
    auto = rows[rows["by"] == "policy"]
    told = auto[auto["loss"].notna()]
    error = float(told["loss"].mean()) if len(told) else None
    binary = told["loss"].isin([0.0, 1.0]).all()
    sure = exact_interval(int(told["loss"].sum()), len(told)) if len(told) and binary else None
    money = auto["money"].dropna()
    return {
        "cases": len(rows),
        "by_policy": len(auto),
        "by_people": int((rows["by"] == "person").sum()),
        "open": int((rows["by"] == "open").sum()),
        "coverage": len(auto) / len(rows) if len(rows) else None,
        "certified_target": target,
        "told": len(told),
        "wrong": float(told["loss"].sum()) if not binary else int(told["loss"].sum()),
        "error": error,
        "error_low": sure.low if sure else None,
        "error_high": sure.high if sure else None,
        **_audit(told, error),
        "money_wrong": float(money.sum()) if len(money) else None,
        **{name: int(events["what"].isin(list(whats)).sum()) for name, whats in _COUNTED.items()},
    }


def _audit(told: pd.DataFrame, error: float | None) -> dict[str, Any]:
    """What the audit lane tells of the decisions whose truth is known, so that the two can be compared."""
    audited = told[told["audit_probability"] > 0]
    drawn = audited[audited["read_loss"].notna()]
    probability = drawn["audit_probability"].to_numpy(dtype=float)
    estimate = audited_share(drawn["read_loss"].to_numpy(dtype=float), probability, population=len(audited))
    covers = None if error is None or not len(drawn) else bool(estimate.low <= error <= estimate.high)
    return {
        "audit_readings": len(drawn),
        "audit_estimate": estimate.value if len(drawn) else None,
        "audit_low": estimate.low if len(drawn) else None,
        "audit_high": estimate.high if len(drawn) else None,
        "audit_covers": covers,
    }


def plain(value: Any) -> Any:
    """A value as JSON can say it; what is missing is None."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if value is None or (is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float) and not np.isfinite(value):
        return None
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) else value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, with values as JSON can say them."""
    return [{str(name): plain(value) for name, value in row.items()} for row in table.astype(object).to_dict("records")]
