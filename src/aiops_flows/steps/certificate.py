"""The proof under which a version may decide without a person."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiops_flows.certified import MissedClass, NaiveRule

__all__ = [
    "Certificate",
    "CertifiedRows",
    "Mark",
    "MarkKind",
    "SegmentCertificate",
    "VerdictCertificate",
    "why_nothing_is_allowed",
]

MarkKind = Literal["answer", "confidence", "quantity", "missing", "rare", "outside"]
"""What is compared of a column: which answer was given; whether a number is at most a limit; whether a value is
missing, is one that few rows have, or lies outside the usual range."""


@dataclass(frozen=True)
class Mark:
    """Something that a case may have or not, and how many of the certified rows have it."""

    kind: MarkKind
    column: str
    count: int
    values: list[str] = field(default_factory=list)
    """The answers meant; of ``rare``, digests of the values that are common."""
    others: bool = False
    """Whether every answer but ``values`` is meant."""
    limit: float = 0.0
    low: float = 0.0

    @property
    def both_ways(self) -> bool:
        """Whether fewer cases than usual are as telling as more.

        Fewer cases with little confidence are not: the version in force has learned from all rows, and is surer of
        cases than the models of a part of them whose answers certified it.
        """
        return self.kind in {"answer", "quantity"}


@dataclass(frozen=True)
class CertifiedRows:
    """What a certificate remembers of the rows that it rests on: shares, and no value of a case."""

    rows: int
    marks: list[Mark]
    draws: int
    """How many independent draws they are: the rows, or the machines (say) that they come from."""


@dataclass(frozen=True)
class SegmentCertificate:
    """What was proved of the cases of one segment by themselves."""

    threshold: float | None
    coverage: float
    """Share of the segment's labelled rows that policy would have decided."""
    labels_used: int
    error_upper: float | None
    reason: str
    pooled: bool = False
    """Whether it was certified together with the other segments that are too rare to be certified alone."""


@dataclass(frozen=True)
class VerdictCertificate:
    """What was proved of the automatic decisions of one verdict by themselves."""

    threshold: float | None
    """The confidence from which policy may give this verdict; with segments the lowest of theirs. None: never."""
    max_error: float
    coverage: float
    """Share of all labelled rows that policy would have given this verdict."""
    labels_used: int
    """Labelled rows for which the rule of the verdict holds."""
    wrong: float
    """How many of the rows from the threshold up were wrong, or the sum of their losses."""
    error_upper: float | None
    """What the error among them stays below, with the certificate's probability; with segments the largest."""
    naive: NaiveRule | None
    """What giving every case this verdict would get wrong; None with segments, which are compared one by one."""
    reason: str
    segments: dict[str, SegmentCertificate] = field(default_factory=dict)
    """By segment, its own threshold; empty where the policy names no segments."""


@dataclass(frozen=True)
class Certificate:
    """Under which threshold a version may decide without a person, until when, and what was proved of it."""

    model: str
    version: int
    policy_version: str
    threshold: float | None
    """The confidence from which policy may decide; with segments the lowest of theirs. None: nothing may be decided."""
    max_error: float
    confidence: float
    coverage: float
    """Share of the labelled rows that policy would have decided."""
    labels_used: int
    error_upper: float | None
    """What the error among them stays below, with the probability ``confidence``; with segments the largest."""
    rows_digest: str
    companions: dict[str, int]
    """The versions of the other models whose predictions the rules saw."""
    reason: str
    issued_at: str = ""
    expires_at: str = ""
    """From this moment on it allows nothing; empty (a certificate of an earlier library) means the same."""
    outputs: list[str] = field(default_factory=list)
    """What must be right, all of it."""
    sure: list[str] = field(default_factory=list)
    """Those of the outputs whose model says how sure it is; the least sure counts."""
    segments: dict[str, SegmentCertificate] = field(default_factory=dict)
    """By segment, the lowest threshold of its verdicts; empty where the policy names no segments."""
    verdicts: dict[str, VerdictCertificate] = field(default_factory=dict)
    """By verdict, what was proved of it alone. Empty in a made-up certificate: its thresholds hold for all verdicts."""
    missed: dict[str, MissedClass] = field(default_factory=dict)
    """By true class, how many of its cases are decided wrongly without a person; empty where nothing is promised."""
    rows: CertifiedRows | None = None
    """What batches are compared with before they are decided; None where nothing is remembered."""
    more_labels: list[dict[str, Any]] = field(default_factory=list)
    """What more labels would buy if they were like these: ``labels`` and the ``coverage`` they would certify."""

    @property
    def rests_on(self) -> dict[str, int]:
        """Every version that it was proved with, by model."""
        return {self.model: self.version, **self.companions}

    @property
    def name(self) -> str:
        """How a decision refers to it: model, version, policy version, threshold, and twelve digits of its digest."""
        digest = hashlib.sha256(self.to_json().encode()).hexdigest()[:12]
        return f"{self.model}/{self.version}/{self.policy_version}/{self.threshold}/{digest}"

    @property
    def ends(self) -> datetime | None:
        """When it expires; None: it never allowed anything."""
        return datetime.fromisoformat(self.expires_at) if self.expires_at else None

    def part(self, verdict: str, segment: str = "") -> Certificate | VerdictCertificate | SegmentCertificate | None:
        """The part of the certificate that covers a verdict in a segment; None where no labelled row was there."""
        of_verdict: Certificate | VerdictCertificate | None = self.verdicts.get(verdict) if self.verdicts else self
        if of_verdict is None or not segment:
            return of_verdict
        return of_verdict.segments.get(segment)

    def expired(self, at: datetime) -> bool:
        """Whether it allows nothing any more at a moment."""
        return self.ends is None or at >= self.ends

    def to_json(self) -> str:
        """The certificate as JSON text, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate that `to_json` wrote, by this version of the library or an earlier one."""
        stored = json.loads(text)
        stored["segments"] = _segments(stored.get("segments", {}))
        stored["verdicts"] = {name: _verdict(each) for name, each in stored.get("verdicts", {}).items()}
        stored["missed"] = _missed(stored.get("missed", {}))
        if stored.get("rows"):
            marks = [Mark(**mark) for mark in stored["rows"]["marks"]]
            stored["rows"] = CertifiedRows(stored["rows"]["rows"], marks, stored["rows"]["draws"])
        return cls(**stored)


def _segments(stored: dict[str, Any]) -> dict[str, SegmentCertificate]:
    return {name: SegmentCertificate(**each) for name, each in stored.items()}


def _missed(stored: dict[str, Any]) -> dict[str, MissedClass]:
    return {name: MissedClass(**each) for name, each in stored.items()}


def _verdict(stored: dict[str, Any]) -> VerdictCertificate:
    naive = NaiveRule(**stored["naive"]) if stored["naive"] else None
    return VerdictCertificate(**(stored | {"naive": naive, "segments": _segments(stored["segments"])}))


def why_nothing_is_allowed(certificate: Certificate | None, *, judge: str, policy: str, at: datetime) -> str:
    """Why policy may decide nothing under a certificate at a time; empty where it may.

    Args:
        certificate: the one in force; None where there is none.
        judge: name of the judging model; empty where no model has a champion.
        policy: version of the policy as it stands now.
        at: the time by the case log's clock.
    """
    if certificate is None:
        if not judge:
            return "no model has a champion yet; aiops-flows retrain and promote make one"
        return f"{judge} has no certificate for deciding without a person"
    if certificate.policy_version != policy:
        return "the policy has changed since it was certified; the next training certifies it again"
    if certificate.expired(at):
        day = certificate.expires_at[:10] or "an unknown day"
        return f"certificate expired on {day}; recertify (aiops-flows certify)"
    if certificate.threshold is None:
        return f"nothing may be decided without a person: {certificate.reason}"
    return ""
