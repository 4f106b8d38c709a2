"""Reading the outcomes of published claims, and of look-alike ones, as `record_outcomes` takes them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["assumed_closing", "published_outcomes"]

_VERDICTS = {
    "approve in full": "approve",
    "approved in full": "approve",
    "approve": "approve",
    "approved": "approve",
    "settle": "settle",
    "settled": "settle",
    "deny": "deny",
    "denied": "deny",
}

_CLOSED_AFTER_DAYS = [0, 75, 105, 135, 165, 195, 225, 255, 285, 315, 345, 450]
_CLOSED_SHARE = [0.0, 0.17, 0.20, 0.29, 0.44, 0.58, 0.69, 0.83, 0.91, 0.95, 0.98, 1.0]


def published_outcomes(published: pd.DataFrame) -> pd.DataFrame:
    """What became of the claims of a published file, in the order in which it became known.

    Columns read: ``Claim Number``, ``Date Received``, ``Close Amount``, ``Disposition``, and ``Date Closed`` where the
    file has it; else the day is assumed (see `assumed_closing`). All as text.

    Returns:
        ``case_id``, ``disposition`` (approve, settle, deny), ``amount`` (US dollars; 0 for a denied claim),
        ``event_at`` and ``known_at``. Claims without a disposition, or with another word there,
        tell no outcome and are left out.
    """
    disposition = published["Disposition"].astype(str).str.strip().str.lower().map(_VERDICTS)
    received = pd.to_datetime(published["Date Received"], utc=True, errors="coerce", format="ISO8601")
    told = disposition.notna() & received.notna()
    rows, disposition, received = published[told], disposition[told], received[told]
    closed = _closing_days(rows, received)
    amount = pd.to_numeric(rows["Close Amount"].astype(str).str.replace(r"[$,\s]", "", regex=True), errors="coerce")
    outcomes = pd.DataFrame(
        {
            "case_id": rows["Claim Number"].astype(str).str.strip(),
            "disposition": disposition,
            "amount": amount.mask(disposition == "deny", 0.0),
            "event_at": closed,
            "known_at": closed,
        }
    )
    return outcomes.sort_values(["known_at", "case_id"], ignore_index=True)


def assumed_closing(case_ids: pd.Series[Any], received: pd.Series[Any]) -> pd.Series[Any]:
    """When each closed claim was closed: AN ASSUMPTION, since the published files give no closing date.

    What the file of 2010 to 2013 shows is the share of claims still open, by month of receipt, on the day it was made.
    Its last claim number bears the date 2014-03-14, so that day is taken as the 15th. Against the 89 % that are ever
    closed, the closed share by age on that day is the distribution of the delay used here: 17 % within 75 days, half
    within 180, 95 % within 315, all within 450; straight lines between.

    A claim's place in it is drawn from a hash of its number, so every machine and every run finds the same day. A
    claim received shortly before the file was made is known to be closed by then; its delay is drawn from the part of
    the distribution before that day. No claim closes on or before the day it was received. That the delay does not
    depend on the disposition is part of the assumption: among late receipts the paid share is like that of the others.
    """
    made = pd.Timestamp(max(_date_in_number(case_ids).max(), received.max())) + pd.Timedelta(days=1)
    age = (made - received).dt.total_seconds().to_numpy(dtype=np.float64) / 86_400
    share = _place(case_ids) * np.interp(age, _CLOSED_AFTER_DAYS, _CLOSED_SHARE)
    days = np.maximum(np.ceil(np.interp(share, _CLOSED_SHARE, _CLOSED_AFTER_DAYS)), 1.0)
    return received + pd.to_timedelta(pd.Series(days, index=received.index), unit="D")


def _closing_days(rows: pd.DataFrame, received: pd.Series[Any]) -> pd.Series[Any]:
    if "Date Closed" in rows:
        return pd.to_datetime(rows["Date Closed"], utc=True, format="ISO8601")
    return assumed_closing(rows["Claim Number"].astype(str).str.strip(), received)


def _date_in_number(case_ids: pd.Series[Any]) -> pd.Series[Any]:
    """The day a claim was entered, with which a number of 13 digits begins; of other numbers 1970-01-01."""
    entered = case_ids.where(case_ids.str.fullmatch(r"\d{13}")).str[:8]
    return pd.to_datetime(entered, format="%Y%m%d", errors="coerce", utc=True).fillna(pd.Timestamp(0, tz="UTC"))


def _place(case_ids: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """A number from 0 to 1 for each claim, from its number alone and independent of every other use of it."""
    digests = [hashlib.sha256(f"closing {case_id}".encode()).digest() for case_id in case_ids.tolist()]
    return np.array([int.from_bytes(digest[:6]) for digest in digests], dtype=np.float64) / 2.0**48
