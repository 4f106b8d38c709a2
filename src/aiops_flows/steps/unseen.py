"""The labelled rows on which a certificate rests: recent ones that none of the models can have learned from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import from_json

from aiops_flows.case_log import promotions, questions, versions
from aiops_flows.steps.parts import BY_TIME, Cut, parts_of
from aiops_flows.steps.rows import Labelled, digest_of, labelled_of, stored_labelled
from aiops_flows.steps.verdicts import segmenting_model, segments_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["MATURE", "Unseen", "evenly_recent", "latest_of_segments", "unseen_rows"]

MATURE = 0.90
"""A week's cases are mature when so large a share of them has its outcomes."""
_WEEK = 7 * 86_400
_ENOUGH = 3_000  # rows: beyond, the bound gains little and the world of the oldest is another
_SEGMENTS_TOGETHER = 10  # so many times as many rows, where the segment of a row is known only once it is predicted
_ENOUGH_ERRORS = 150  # rows that would hold so many errors at the limit: the bound is within about 12 % of the truth


@dataclass(frozen=True)
class Unseen:
    """Cases with all outcomes that judge a verdict, in order of receipt."""

    cases: pd.DataFrame
    truth: dict[str, NDArray[Any]]
    """Outcome -> what turned out true, one a case."""
    digest: str
    """SHA-256 of what identifies the rows: of the data sets they come from, and their ids."""
    note: str = ""
    """What to know of them before trusting a certificate that rests on them; empty where there is nothing."""

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def period(self) -> str:
        """When the cases were received, in words; empty where there are none."""
        received = self.cases["received_at"]
        return f"rows received from {received.min():%Y-%m-%d} to {received.max():%Y-%m-%d}" if len(self) else ""

    def some(self, chosen: NDArray[np.bool_]) -> Unseen:
        """The chosen ones of the cases."""
        truth = {output: values[chosen] for output, values in self.truth.items()}
        return replace(self, cases=self.cases[chosen].reset_index(drop=True), truth=truth)


def unseen_rows(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int,
    rows: Labelled | None = None,
    *,
    as_of: datetime,
) -> Unseen:
    """The labelled rows to certify a version on, the latest ones, none of which any of the models has learned from.

    These are the rows that the stable cut keeps for certifying (of a version that learned from them, models that had
    not answer them), and, once the version has been at work for a while,
    every case received since all present versions were trained (since the version became champion, where live cases
    had a part in choosing it). Where the cut is by another field than the case id, no case that shares its value with
    one that was learned from counts, however late it came. Where it is by time, these are the cases received since the
    latest moment at which certifying begins for any of the present versions; but for those between a training and the
    promotion, where live cases had a part in that. A version that was parted otherwise than the use case says now is
    certified on what came since its training alone.

    Of all these the latest 3,000 are taken, of each segment: base rates drift, and a proof on old rows is a proof
    about an old world. Where a model's answer is the segment, the latest 30,000 are taken, as what it says is not known
    yet; `latest_of_segments` leaves those of each segment.

    Outcomes that are known early are not typical of all: only weeks of receipt in which 90 % of the cases have all
    their outcomes count. That is assumed to be enough: the last tenth can be different. Where these weeks hold too few
    rows to certify anything, the rows of the cut are taken from every week, as a young record has no others, and the
    note says so.

    Args:
        place: the case log.
        use_case: the business process; its policy says which outcomes judge a verdict.
        spec: the model that judges first.
        version: the version that is certified; it must be registered.
        rows: the rows of the cut, where they are at hand.
        as_of: only outcomes known by then, and only cases received by then.
    """
    present = _present(place, use_case, spec, version)
    since = None if use_case.cut == BY_TIME else _untouched_since(present)
    if use_case.cut == BY_TIME:
        rows, digests = _since_certifying(place, use_case, spec, rows, (present, as_of))
    elif (
        rows is None
        or (since is not None and since < as_of)
        or not (_parted_alike(use_case, present) and _learned_alike(present))
    ):
        rows, digests = _read(place, use_case, spec, present, as_of)
    else:
        digests = [rows.digest]
    found = _with_all_truths(place, use_case, rows.cases, {spec.output: rows.truth}, as_of)
    found = found.sort_values(["received_at", "case_id"], ignore_index=True)
    chosen, note = _mature_or_all(place, use_case, found, since, as_of)
    latest = chosen[_latest(use_case, chosen)].reset_index(drop=True)
    truth = {output: latest.pop(_column(output)).to_numpy() for output in use_case.judges}
    ids = "\x1e".join(latest["case_id"].tolist())
    return Unseen(latest, truth, hashlib.sha256("\x1d".join([*digests, ids]).encode()).hexdigest(), note)


def fewest_rows(use_case: UseCase) -> int:
    """The fewest rows, none of them wrong, that can certify anything."""
    policy = use_case.review
    return math.ceil(math.log((1 - policy.confidence) / 2) / math.log1p(-policy.error_limit()))


def _column(output: str) -> str:
    """Where the truth of an output stands beside the case; no field of a case begins with a space."""
    return f" {output}"


def _with_all_truths(
    place: Workspace, use_case: UseCase, cases: pd.DataFrame, known: Mapping[str, Any], as_of: datetime
) -> pd.DataFrame:
    """The cases with a column for each outcome that judges a verdict; those that lack one are left out."""
    frame = cases.copy(deep=False)
    for output in use_case.judges:
        if output in known:
            frame[_column(output)] = known[output]
            continue
        ids = frame["case_id"].tolist()
        told = questions.outcomes(place.log, use_case.name, name=output, known_by=as_of, case_ids=ids)
        truth = dict(zip(told["case_id"].tolist(), told["value"].tolist(), strict=True))
        frame[_column(output)] = pd.Series([truth.get(case_id) for case_id in ids], dtype=object, index=frame.index)
        frame = frame[frame[_column(output)].notna()].copy(deep=False)
    return frame


@dataclass(frozen=True)
class _Learned:
    """What a present version, or the one to be certified, has seen."""

    model: str
    as_of: datetime | None
    """When it was trained; None where that was not recorded."""
    cut: Cut
    chosen_at: datetime | None
    """When it became champion, where live cases had a part in that."""


def _present(place: Workspace, use_case: UseCase, spec: ModelSpec, version: int) -> list[_Learned | None]:
    """The version and the champions of the other models that the policy may use; None for one that has none."""
    return [
        _learned(place, use_case, model, version if model.name == spec.name else None) for model in use_case.decisive
    ]


def _learned(place: Workspace, use_case: UseCase, model: ModelSpec, version: int | None) -> _Learned | None:
    champion = promotions.champion(place.log, use_case.name, model.name)
    number = version or (champion.version if champion else None)
    if number is None:
        return None
    record = json.loads(versions.get(place.log, use_case.name, model.name, number).learned)
    by_live_cases = champion and champion.version == number and any(gate.metric == "shadow" for gate in model.gates)
    return _Learned(
        model.name,
        datetime.fromisoformat(record["as_of"]) if record.get("as_of") else None,
        Cut.of_record(record),
        champion.since if champion and by_live_cases else None,
    )


def _untouched_since(present: Sequence[_Learned | None]) -> datetime | None:
    """The moment since which no case can have had a part in making or choosing any of the present versions."""
    known = [each for each in present if each is not None and each.as_of is not None]
    if len(known) < len(present):
        return None
    return max(moment for each in known for moment in (each.as_of, each.chosen_at) if moment is not None)


def _parted_alike(use_case: UseCase, present: Sequence[_Learned | None]) -> bool:
    """Whether the rows of every present version were parted as the use case says now."""
    return all(each is None or each.cut.column == use_case.cut for each in present)


def _learned_alike(present: Sequence[_Learned | None]) -> bool:
    """Whether the same rows certify every present version: all of them learned from all rows, or none did."""
    return len({each.cut.folds > 0 for each in present if each is not None}) < 2


def _since_certifying(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    rows: Labelled | None,
    seen: tuple[Sequence[_Learned | None], datetime],
) -> tuple[Labelled, list[str]]:
    """The rows received since certifying begins for each present version, where the cut is by time."""
    present, as_of = [each for each in seen[0] if each is not None], seen[1]
    if rows is None:
        stored = stored_labelled(place, use_case, spec, as_of=as_of, window=spec.train_window)
        begins = max((each.cut.certify_from or each.as_of or as_of for each in present), default=as_of)
        rows = labelled_of(use_case, spec, stored[stored["received_at"] >= begins])
    received = rows.cases["received_at"]
    untouched = np.ones(len(rows), dtype=bool)
    for each in present:
        untouched &= (received >= (each.cut.certify_from or each.as_of or as_of)).to_numpy()
        if each.cut.learns_all and each.as_of is not None:  # of what came before, only what it learned from is stored
            untouched &= ((received >= each.as_of) | (rows.known_at <= each.as_of)).to_numpy()
        if each.chosen_at is not None and each.as_of is not None:
            untouched &= ~((received >= each.as_of) & (received < each.chosen_at)).to_numpy()
    return rows.some(untouched), [rows.digest]


def _read(
    place: Workspace, use_case: UseCase, spec: ModelSpec, present: Sequence[_Learned | None], as_of: datetime
) -> tuple[Labelled, list[str]]:
    """The rows of the cut and every one received since a moment, read together; and the digest of each of both."""
    since = _untouched_since(present)
    stored = stored_labelled(place, use_case, spec, as_of=as_of, window=spec.train_window)
    of_cut = np.full(len(stored), _parted_alike(use_case, present))
    for cut in {each.cut for each in present if each is not None}:
        of_cut &= cut.parts(stored) == "certify"
    if since is None or since >= as_of:
        kept = labelled_of(use_case, spec, stored[of_cut])
        return kept, [kept.digest]
    fresh = (stored["received_at"] >= since).to_numpy()
    if use_case.cut != "case_id":
        fresh &= ~_seen_values(use_case, stored, present, since)
    content = "\x1e".join(f"{row.case_id}\x1f{row.digest}\x1f{row.value!r}" for row in stored[fresh].itertuples())
    digests = [digest_of(stored[of_cut]), hashlib.sha256(content.encode()).hexdigest()]
    return labelled_of(use_case, spec, stored[of_cut | fresh]), digests


def _seen_values(
    use_case: UseCase, stored: pd.DataFrame, present: Sequence[_Learned | None], since: datetime
) -> NDArray[np.bool_]:
    """Whether each row shares its value of the field that rows are parted by with one that was learned from."""
    seen: NDArray[np.bool_] = parts_of(use_case, stored) == "train"
    if any(each is not None and each.cut.learns_all for each in present):
        values = pd.Series([from_json(body).get(use_case.cut) for body in stored["body"].tolist()], dtype=object)
        before = (stored["received_at"] < since).to_numpy()
        seen |= values.astype(str).isin(values[before].astype(str)).to_numpy() | values.isna().to_numpy()
    return seen


def _mature_or_all(
    place: Workspace, use_case: UseCase, found: pd.DataFrame, since: datetime | None, as_of: datetime
) -> tuple[pd.DataFrame, str]:
    """The rows of mature weeks; where they are too few, those received before ``since`` whatever their week."""
    if found.empty:
        return found, ""
    considered = found[_latest(use_case, found)]
    weeks = _weeks(considered["received_at"])
    mature = considered[np.isin(weeks, _mature_weeks(place, use_case, considered, as_of))]
    if len(mature) >= fewest_rows(use_case):
        return mature, ""
    note = (
        f"outcomes of less than {MATURE:.0%} of the cases received in the same weeks are known, and those known early "
        "may not be typical"
    )
    return (found if since is None else found[found["received_at"] < since]), note


def _weeks(received: pd.Series[Any]) -> NDArray[np.int64]:
    seconds = received.dt.tz_convert(None).to_numpy(dtype="datetime64[s]").astype(np.int64)
    weeks: NDArray[np.int64] = seconds // _WEEK
    return weeks


def _mature_weeks(place: Workspace, use_case: UseCase, considered: pd.DataFrame, as_of: datetime) -> NDArray[np.int64]:
    """The weeks, from the first of these rows on, in which most cases received have all their outcomes."""
    begin = int(_weeks(considered["received_at"]).min()) * _WEEK
    first = pd.Timestamp(begin, unit="s", tz="UTC").to_pydatetime()
    cases = questions.received(
        place.log,
        use_case.name,
        outcomes_known=list(use_case.judges),
        known_by=as_of,
        received_from=first,
        received_before=as_of,
    )
    weeks, place_of = np.unique(_weeks(cases["received_at"]), return_inverse=True)
    share = np.bincount(place_of, weights=cases["known"].to_numpy()) / np.bincount(place_of)
    return weeks[share >= MATURE]


def _latest(use_case: UseCase, ordered: pd.DataFrame) -> NDArray[np.bool_]:
    """Of rows in order of receipt, whether each is among the latest of its segment."""
    if segmenting_model(use_case) is not None:
        last: NDArray[np.bool_] = np.arange(len(ordered))[::-1] < _SEGMENTS_TOGETHER * _most(use_case)
        return last
    return latest_of_segments(use_case, segments_of(use_case, ordered))


def _most(use_case: UseCase) -> int:
    return max(_ENOUGH, math.ceil(_ENOUGH_ERRORS / use_case.review.error_limit()))


def latest_of_segments(use_case: UseCase, segments: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Of rows in order of receipt, whether each is among the latest of its segment that a certificate rests on."""
    named = pd.Series(segments)
    among: NDArray[np.bool_] = named.groupby(named).cumcount(ascending=False).to_numpy() < _most(use_case)
    return among


def evenly_recent(use_case: UseCase, ordered: pd.DataFrame) -> NDArray[np.bool_]:
    """Of rows in order of receipt, those since the latest time from which on no segment was cut short.

    Of large segments only the latest rows are taken, so that all rows together hold the segments in other shares than
    the cases that come in.
    """
    named = pd.Series(segments_of(use_case, ordered))
    places = np.arange(len(named))
    first_of_large = [
        int(places[named == name].min()) for name, size in named.value_counts().items() if size >= _most(use_case)
    ]
    recent: NDArray[np.bool_] = places >= max(first_of_large, default=0)
    return recent
