"""Which cases are learned from, judged on and certified on: by a hash that never changes, or by time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import from_json

from aiops_flows.use_case import UseCase

__all__ = ["BY_TIME", "FEWEST_MOMENTS", "SHARES", "Cut", "Part", "cut", "cut_of", "parts_of"]

Part = Literal["train", "judge", "certify"]
SHARES: dict[Part, float] = {"train": 0.70, "judge": 0.15, "certify": 0.15}
BY_TIME = "received_at"
FEWEST_MOMENTS = 3
"""Distinct moments of receipt that a cut by time needs: one for each part."""

Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Cut:
    """How cases are parted, so that it can be kept beside a version and done again."""

    column: str = "case_id"
    judge_from: datetime | None = None
    """Of a cut by time: cases received before it, whose outcome was known by then, are learned from. None: there were
    too few moments of receipt for a cut."""
    certify_from: datetime | None = None
    """Of a cut by time: cases received from then on certify; those between both moments judge."""

    def parts(self, stored: pd.DataFrame) -> Objects:
        """The part of each stored case, or an empty text where it belongs to none.

        Reads ``case_id``; for a cut by a field of the case ``body``, for one by time ``received_at`` and ``known_at``.
        """
        if self.column == BY_TIME:
            return self._by_time(stored)
        if self.column == "case_id":
            return cut(stored["case_id"].tolist())
        return _cut_by_field(stored, self.column)

    def _by_time(self, stored: pd.DataFrame) -> Objects:
        parts = np.full(len(stored), "", dtype=object)
        if self.judge_from is None or self.certify_from is None:
            return parts
        received, judge_from = stored["received_at"], pd.Timestamp(self.judge_from)
        parts[((received < judge_from) & (stored["known_at"] <= judge_from)).to_numpy()] = "train"
        parts[(received >= judge_from).to_numpy()] = "judge"
        parts[(received >= pd.Timestamp(self.certify_from)).to_numpy()] = "certify"
        return parts

    def as_dict(self) -> dict[str, str | None]:
        """The cut as plain values for the record of a version; nothing for a cut by the case id, which is the rule."""
        if self.column == "case_id":
            return {}
        if self.column != BY_TIME:
            return {"cut": self.column}
        judge_from, certify_from = (at.isoformat() if at else None for at in (self.judge_from, self.certify_from))
        return {"cut": self.column, "judge_from": judge_from, "certify_from": certify_from}

    @classmethod
    def of_record(cls, learned: str | Mapping[str, Any]) -> Cut:
        """The cut that was kept beside a version."""
        record = json.loads(learned) if isinstance(learned, str) else learned
        moments = (record.get(name) for name in ("judge_from", "certify_from"))
        return cls(record.get("cut", "case_id"), *(at and datetime.fromisoformat(at) for at in moments))


def cut(values: Sequence[str]) -> Objects:
    """The part each case belongs to for ever: ``train`` (70 %), ``judge`` (15 %) or ``certify`` (15 %).

    It depends on the value alone, so a judging row never becomes a training row as the table grows.
    """
    shares = [int.from_bytes(hashlib.sha256(f"cut {value}".encode()).digest()[:4]) / 2**32 for value in values]
    limits = np.cumsum(list(SHARES.values()))[:-1]
    return np.array(list(SHARES), dtype=object)[np.searchsorted(limits, shares, side="right")]


def _cut_by_field(stored: pd.DataFrame, field: str) -> Objects:
    """The part that the value of a field has; cases without one are learned from, and nothing is judged on them."""
    values = [from_json(body).get(field) for body in stored["body"].tolist()]
    codes, names = pd.factorize(np.array([None if value is None else str(value) for value in values], dtype=object))
    return np.array([*cut([str(name) for name in names]), "train"], dtype=object)[codes]  # a missing value is -1


def cut_of(use_case: UseCase, stored: pd.DataFrame, *, not_before: datetime | None = None) -> Cut:
    """How the stored cases of a use case are parted.

    By time, the distinct moments of receipt count: the last 15 % of them certify, the 15 % before these judge, at
    least one each. What was known only once judging began belongs to no part: who learns from it has seen the time it
    is judged on (purging; De Prado, Advances in Financial Machine Learning, 2018, chapter 7).

    Args:
        use_case: says by which column.
        stored: labelled cases as the case log gives them.
        not_before: judging begins at this moment or later: the one before which a champion learned.
    """
    if use_case.cut != BY_TIME:
        return Cut(use_case.cut)
    moments = stored["received_at"].drop_duplicates().sort_values().tolist()
    if len(moments) < FEWEST_MOMENTS:
        return Cut(BY_TIME)
    each = max(1, round(SHARES["certify"] * len(moments)))
    judge_from, certify_from = moments[-2 * each], moments[-each]
    if not_before is not None and judge_from < pd.Timestamp(not_before):
        left = [moment for moment in moments if moment >= pd.Timestamp(not_before)]
        if len(left) < 2:
            return Cut(BY_TIME)
        judge_from = left[0]
        certify_from = max(certify_from, left[len(left) // 2])
    return Cut(BY_TIME, judge_from.to_pydatetime(), certify_from.to_pydatetime())


def parts_of(use_case: UseCase, stored: pd.DataFrame) -> Objects:
    """The part of each stored labelled case (``train``, ``judge``, ``certify``), or an empty text for none."""
    return cut_of(use_case, stored).parts(stored)
