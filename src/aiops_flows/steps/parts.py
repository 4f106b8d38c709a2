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

__all__ = ["BY_TIME", "FEWEST_MOMENTS", "SHARES", "Cut", "Part", "cut", "cut_of", "halves", "parts_of"]

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
    folds: int = 0
    """By how many models the rows are answered, each having learned from the other folds; 0: a part is held out."""
    learns_all: bool = False
    """Whether the version learned from the rows of all parts, and other models answered them for it."""

    def parts(self, stored: pd.DataFrame) -> Objects:
        """The part of each stored case, or an empty text where it belongs to none.

        Reads ``case_id``; for a cut by a field of the case ``body``, for one by time ``received_at`` and ``known_at``.
        """
        if self.column == BY_TIME:
            return self._by_time(stored)
        part_of = halves if self.folds else cut
        if self.column == "case_id":
            return part_of(stored["case_id"].tolist())
        codes, names = _values(stored, self.column)
        return np.array([*part_of(names), "train"], dtype=object)[codes]  # a case without a value is learned from

    def learned(self, stored: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each stored case is one that the version learned from."""
        if self.learns_all:
            return np.ones(len(stored), dtype=bool)
        train: NDArray[np.bool_] = self.parts(stored) == "train"
        return train

    def folds_of(self, stored: pd.DataFrame) -> NDArray[np.int64]:
        """The fold of each stored case; -1 where it is learned from by every model, and never answered for judging."""
        if self.column == "case_id":
            return _folds(stored["case_id"].tolist(), self.folds)
        codes, names = _values(stored, self.column)
        return np.array([*_folds(names, self.folds), -1], dtype=np.int64)[codes]

    def _by_time(self, stored: pd.DataFrame) -> Objects:
        parts = np.full(len(stored), "", dtype=object)
        if self.judge_from is None or self.certify_from is None:
            return parts
        received, judge_from = stored["received_at"], pd.Timestamp(self.judge_from)
        parts[((received < judge_from) & (stored["known_at"] <= judge_from)).to_numpy()] = "train"
        parts[(received >= judge_from).to_numpy()] = "judge"
        parts[(received >= pd.Timestamp(self.certify_from)).to_numpy()] = "certify"
        return parts

    def as_dict(self) -> dict[str, str | int | bool | None]:
        """The cut as plain values for the record of a version; only what differs from a held-out cut by the case id."""
        found: dict[str, str | int | bool | None] = {} if self.column == "case_id" else {"cut": self.column}
        if self.column == BY_TIME:
            judge_from, certify_from = (at.isoformat() if at else None for at in (self.judge_from, self.certify_from))
            found |= {"judge_from": judge_from, "certify_from": certify_from}
        found |= {"folds": self.folds} if self.folds else {}
        return found | ({"learns_all": True} if self.learns_all else {})

    @classmethod
    def of_record(cls, learned: str | Mapping[str, Any]) -> Cut:
        """The cut that was kept beside a version."""
        record = json.loads(learned) if isinstance(learned, str) else learned
        moments = (record.get(name) for name in ("judge_from", "certify_from"))
        judge_from, certify_from = (at and datetime.fromisoformat(at) for at in moments)
        folds, learns_all = int(record.get("folds", 0)), bool(record.get("learns_all", False))
        return cls(record.get("cut", "case_id"), judge_from, certify_from, folds, learns_all)


def cut(values: Sequence[str]) -> Objects:
    """The part each case belongs to for ever: ``train`` (70 %), ``judge`` (15 %) or ``certify`` (15 %).

    It depends on the value alone, so a judging row never becomes a training row as the table grows.
    """
    limits = np.cumsum(list(SHARES.values()))[:-1]
    return np.array(list(SHARES), dtype=object)[np.searchsorted(limits, _shares("cut", values), side="right")]


def halves(values: Sequence[str]) -> Objects:
    """``judge`` or ``certify`` for each case, where all of them are learned from.

    The parts of `cut` that judge and certify stay what they were, and what was only learned from is divided: so a
    version of either kind can be compared with one of the other on rows that neither had learned from.
    """
    shares = _shares("cut", values)
    learned, judge, _ = np.cumsum(list(SHARES.values()))
    judges = (shares < learned / 2) | ((shares >= learned) & (shares < judge))
    return np.where(judges, "judge", "certify").astype(object)


def _folds(values: Sequence[str], folds: int) -> NDArray[np.int64]:
    """The fold that each case belongs to for ever."""
    return (_shares("fold", values) * folds).astype(np.int64)


def _shares(salt: str, values: Sequence[str]) -> NDArray[np.float64]:
    """A number from 0 to 1 for each value, by a hash that never changes."""
    digests = (hashlib.sha256(f"{salt} {value}".encode()).digest()[:4] for value in values)
    return np.array([int.from_bytes(digest) / 2**32 for digest in digests], dtype=np.float64)


def _values(stored: pd.DataFrame, field: str) -> tuple[NDArray[np.int64], list[str]]:
    """The place of each case's value of a field among the values; -1, the last of all, where it is missing."""
    values = [from_json(body).get(field) for body in stored["body"].tolist()]
    codes, names = pd.factorize(np.array([None if value is None else str(value) for value in values], dtype=object))
    return codes, [str(name) for name in names]


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
