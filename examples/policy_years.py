"""The published policy-years (Insample.csv) as cases of renewals, and what became of each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

__all__ = ["policy_years"]


def policy_years(file: str | Path) -> pd.DataFrame:
    """One row a policy and year: the columns of a case, ``claim``, and the day on which that was known.

    A policy's claims of the year before come from its own row of that year. Whether a claim was made is known when
    the year is over. Columns of the same year that tell of claims (``Freq``, ``y``, ``yAvg``) are left out.
    """
    years = pd.read_csv(file).sort_values(["Year", "PolicyNum"], ignore_index=True)
    kinds = [name for name in years.columns if name.startswith("Type")]
    begin = pd.to_datetime(years["Year"].astype(str) + "-01-01", utc=True)
    return pd.DataFrame(
        {
            "case_id": years["PolicyNum"].astype(str) + "/" + years["Year"].astype(str),
            "received_at": begin,
            "PolicyNum": years["PolicyNum"],
            "entity": years[kinds].idxmax(axis=1).astype(str).str.removeprefix("Type"),
            "LnCoverage": years["LnCoverage"],
            "lnDeduct": years["lnDeduct"],
            "NoClaimCredit": years["NoClaimCredit"],
            "claims_before": years.groupby("PolicyNum")["Freq"].shift(),
            "claim": (years["Freq"] > 0).map({True: "yes", False: "no"}),
            "known_at": begin + pd.DateOffset(years=1),
        }
    )
