"""The texts that a writing points at: what was written to the customers of past cases, with personal data masked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiops_flows.case_log import questions
from aiops_flows.steps.workspace import Workspace
from aiops_flows.texts.personal import masked
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["reply_texts"]

_CASE = "case:"


def reply_texts(place: Workspace, use_case: UseCase, spec: ModelSpec, sources: Iterable[str]) -> dict[str, str]:
    """The latest text known of each past case that is named, with personal data masked.

    Args:
        place: the case log that holds them.
        use_case: whose cases.
        spec: the writer; its output is the outcome that is read.
        sources: names like ``case:<case id>``; others are left out.

    Returns:
        Source -> text. A case whose outcome is not known (any more) is left out.
    """
    case_ids = sorted({source.removeprefix(_CASE) for source in sources if source.startswith(_CASE)})
    if not case_ids:
        return {}
    known = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=place.now(), case_ids=case_ids)
    told = zip(known["case_id"].tolist(), map(_text, known["value"].tolist()), strict=True)
    return {f"{_CASE}{case_id}": masked(text) for case_id, text in told if text}


def _text(value: Any) -> str:
    """The text of an outcome, which is a text, or a writing with one."""
    said = value.get("text") if isinstance(value, dict) else value
    return said.strip() if isinstance(said, str) else ""
