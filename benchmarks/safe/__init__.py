"""Decisions that are safe in the business: rare outcomes, money, pooled segments, and batches that are not alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.certifying import judged_rows
from aiops_flows.steps.likeness import Before, describe_rows
from aiops_flows.steps.proposing import propose
from aiops_flows.steps.proving import prove
from aiops_flows.steps.verdicts import confidence_of, rule_verdicts, sure_outputs
from aiops_flows.use_case import UseCase

__all__ = ["RESULTS", "certificate_of", "table", "verdicts_of"]

RESULTS = Path(__file__).resolve().parents[1] / "results"


def certificate_of(use_case: UseCase, frame: pd.DataFrame, truth: Mapping[str, NDArray[Any]]) -> Certificate:
    """The certificate that labelled rows give, without a registry: version 1 of every model.

    Args:
        use_case: the business process.
        frame: the rows, as `predict` gives them.
        truth: output -> what turned out true, one entry a row.
    """
    verdicts, _ = rule_verdicts(use_case, frame)
    sure = sure_outputs(use_case, frame)
    judged = judged_rows(use_case, frame, truth, verdicts, confidence_of(sure, frame))
    proved = prove(use_case.review, judged, forecast=False)
    lead = use_case.model(use_case.judged_by)
    return Certificate(
        model=lead.name,
        version=1,
        policy_version=use_case.review.version,
        max_error=use_case.review.error_limit(),
        confidence=use_case.review.confidence,
        labels_used=len(frame),
        rows_digest="",
        companions={spec.name: 1 for spec in use_case.decisive if spec.name != lead.name},
        expires_at=(datetime.now(UTC) + timedelta(days=1)).isoformat(),
        outputs=list(use_case.judges),
        sure=sure,
        rows=describe_rows(use_case, frame),
        **vars(proved),
    )


def verdicts_of(
    use_case: UseCase, certificate: Certificate, cases: pd.DataFrame, before: pd.DataFrame | None = None
) -> NDArray[np.object_]:
    """The verdict of policy for each case, None where a person decides; compared with the certified rows if asked."""
    latest = None if before is None else Before.of(use_case, before)
    return np.array(propose(use_case, cases, certificate, before=latest).verdicts, dtype=object)


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a table in Markdown."""
    heads = list(rows[0])
    lines = [f"| {' | '.join(map(str, row.values()))} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines])
