"""What became of each case that was sent, as its sender is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson
import pandas as pd

from aiops_flows.errors import UseCaseError
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.sources import Delivery
from aiops_flows.steps.terms import term_texts
from aiops_flows.use_case import Case, ModelSpec, UseCase

__all__ = ["Answer", "Looked", "State", "answers_of", "failed", "look_at", "of_frame", "waits"]

State = Literal["decided", "waits for a person", "quarantined", "failed"]
Stored = Callable[[list[str]], Mapping[str, str]]
"""Takes case ids, gives the digest of each that is stored."""


@dataclass(frozen=True)
class Answer:
    """What became of one row."""

    case_id: str | None
    state: State
    """``failed``: nothing is promised of it; sent again, it is worked on again."""
    reason: str = ""
    verdict: str | None = None
    decided_by: str | None = None
    predictions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Output -> ``value``, ``confidence``, ``version``, ``note``, and quantiles by name (``q10``)."""
    terms: Mapping[str, Any] = field(default_factory=dict)
    """What the decision says beyond its verdict; nothing while a person must answer."""

    def plain(self) -> dict[str, Any]:
        """The answer as JSON can say it."""
        return asdict(self)


@dataclass(frozen=True)
class Looked:
    """A row, and whether it is a case."""

    row: Mapping[str, Any]
    case_id: str | None
    digest: str
    """Of the case's content; empty where the row is none."""
    refusal: str
    """Why the row is no case; empty where it is one."""


def look_at(case_type: type[Case], row: Mapping[str, Any]) -> Looked:
    """Whether a row holds to the case type; what it lacks altogether is put down as missing.

    So a row alone is refused for what is wrong with it, as it would be among others.
    """
    needed = [name for name, info in case_type.model_fields.items() if info.is_required()]
    lacking = [case_type.source_name(name) for name in needed if not {name, case_type.source_name(name)} & row.keys()]
    whole = {**row, **dict.fromkeys(lacking)}
    checked = check_rows(case_type, Delivery("rows", list(whole), [whole], apart=True))
    if len(checked):
        return Looked(whole, checked.case_ids[0], checked.digests[0], "")
    return Looked(whole, checked.refused[0].case_id, "", checked.refused[0].reason)


def failed(looked: Looked, reason: str) -> Answer:
    """The answer for a row of which nothing is promised."""
    return Answer(looked.case_id, "failed", reason)


def waits(case_id: str, reason: str) -> Answer:
    """The answer for a case that a person must look at."""
    return Answer(case_id, "waits for a person", reason)


def answers_of(use_case: UseCase, looked: Sequence[Looked], frame: Any, stored: Stored) -> list[Answer]:
    """What became of each row, by the frame that the business flow gave.

    Raises:
        UseCaseError: the flow gave no frame of cases with verdicts.
    """
    said = {answer.case_id: answer for answer in of_frame(use_case, frame)}
    first: dict[str | None, str] = {}
    for each in looked:
        if not each.refusal:
            first.setdefault(each.case_id, each.digest)
    unsaid = [str(case_id) for case_id in first if case_id not in said]
    known = stored(unsaid) if unsaid else {}
    return [_answer(each, first, said, known) for each in looked]


def _answer(
    looked: Looked, first: Mapping[str | None, str], said: Mapping[Any, Answer], known: Mapping[str, str]
) -> Answer:
    if looked.refusal:
        return Answer(looked.case_id, "quarantined", looked.refusal)
    case_id = str(looked.case_id)
    if looked.digest == first[case_id] and case_id in said:
        return said[case_id]
    if case_id in said or known.get(case_id, looked.digest) != looked.digest:
        reason = "conflict: a case of that id is stored with other content; a correction needs a new case id"
        return Answer(case_id, "quarantined", reason)
    return failed(looked, "the flow gave no answer for it; send it again")


def of_frame(use_case: UseCase, frame: Any) -> list[Answer]:
    """One answer for each case of the frame that the business flow gave.

    Raises:
        UseCaseError: it is no frame of cases with verdicts.
    """
    if not {"case_id", "verdict_by"} <= set(getattr(frame, "columns", ())):
        raise UseCaseError("the flow gave no frame with verdicts; end it with: return review(...)")
    predictions = _predictions([spec for spec in use_case.models if spec.output in frame], frame)
    columns = [_plain(frame, name) for name in ("case_id", "verdict", "verdict_reason", "verdict_by")]
    terms = _terms(use_case, frame)
    return [
        Answer(case_id, "decided" if by else "waits for a person", reason or "", verdict, by, said, more if by else {})
        for case_id, verdict, reason, by, said, more in zip(*columns, predictions, terms, strict=True)
    ]


def _terms(use_case: UseCase, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The terms of each case by name, whole numbers as such."""
    if not set(use_case.terms) <= set(frame.columns):
        return [{}] * len(frame)
    return [orjson.loads(text or "{}") for text in term_texts(use_case, frame)]


def _predictions(models: Sequence[ModelSpec], frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Output -> what was predicted, one mapping a case."""
    said: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for spec in models:
        names = {"value": spec.output}
        names |= {part: f"{spec.output}_{part}" for part in ("confidence", "version", "note")}
        names |= {column.removeprefix(f"{spec.output}_"): column for column in spec.quantile_columns}
        columns = [_plain(frame, column) for column in names.values()]
        for position, values in enumerate(zip(*columns, strict=True)):
            said[position][spec.output] = dict(zip(names, values, strict=True))
    return said


def _plain(frame: pd.DataFrame, name: str) -> list[Any]:
    """A column as plain values; None where it has nothing."""
    if name not in frame:
        return [None] * len(frame)
    values = frame[name].astype(object).tolist()
    return [None if value is pd.NA or value is None or value != value else value for value in values]  # noqa: PLR0124  NaN
