"""What would change if the candidate decided in place of the present use case."""

from __future__ import annotations

import pandas as pd

__all__ = ["changed", "moves"]


def changed(present: pd.DataFrame, candidate: pd.DataFrame) -> pd.DataFrame:
    """The cases that policy would decide otherwise, or would decide where it did not, or would leave to people.

    Returns:
        ``case_id``, ``received_at``, ``present`` and ``candidate`` (what policy decides, or ``a person``), ``truth``,
        ``present_loss`` and ``candidate_loss`` (missing where a person decides or the truth is not known), ``amount``.
    """
    both = present.join(candidate[["verdict", "by", "loss"]], rsuffix="_candidate", how="inner")
    before, after = _by_policy(both["verdict"], both["by"]), _by_policy(both["verdict_candidate"], both["by_candidate"])
    truth = next(str(name) for name in both if str(name).startswith("true_"))
    found = pd.DataFrame(
        {
            "received_at": both["received_at"],
            "present": before,
            "candidate": after,
            "truth": both[truth],
            "present_loss": both["loss"],
            "candidate_loss": both["loss_candidate"],
            "amount": both["amount"],
        }
    )
    return found[before != after].reset_index(names="case_id")


def moves(present: pd.DataFrame, candidate: pd.DataFrame) -> pd.DataFrame:
    """How many cases go from which decision to which: ``present``, ``candidate``, ``cases``."""
    both = present.join(candidate[["verdict", "by"]], rsuffix="_candidate", how="inner")
    before, after = _by_policy(both["verdict"], both["by"]), _by_policy(both["verdict_candidate"], both["by_candidate"])
    counted = pd.DataFrame({"present": before, "candidate": after}).value_counts().reset_index(name="cases")
    return counted.sort_values(["present", "candidate"], ignore_index=True)


def _by_policy(verdict: pd.Series[str], by: pd.Series[str]) -> pd.Series[str]:
    return verdict.where(by == "policy", "a person")
