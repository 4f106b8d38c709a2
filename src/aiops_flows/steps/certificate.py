"""The proof under which a version may decide without a person."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Certificate", "SegmentCertificate", "why_nothing_is_allowed"]


@dataclass(frozen=True)
class SegmentCertificate:
    """What was proved of the cases of one segment by themselves."""

    threshold: float | None
    coverage: float
    """Share of the segment's labelled rows that policy would have decided."""
    labels_used: int
    error_upper: float | None
    reason: str


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
    """By segment, its own threshold; empty where the policy names no segments."""
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

    def expired(self, at: datetime) -> bool:
        """Whether it allows nothing any more at a moment."""
        return self.ends is None or at >= self.ends

    def to_json(self) -> str:
        """The certificate as JSON text, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate that `to_json` wrote, by this version of the library or an earlier one."""
        found = json.loads(text)
        segments = {name: SegmentCertificate(**each) for name, each in found.get("segments", {}).items()}
        return cls(**(found | {"segments": segments}))


def why_nothing_is_allowed(certificate: Certificate | None, *, judge: str, policy: str, at: datetime) -> str:
    """Why policy may decide nothing under a certificate at a time; empty where it may.

    Args:
        certificate: the one in force; None where there is none.
        judge: name of the judging model.
        policy: version of the policy as it stands now.
        at: the time by the case log's clock.
    """
    if certificate is None:
        return f"{judge} has no certificate for deciding without a person"
    if certificate.policy_version != policy:
        return "the policy has changed since it was certified; the next training certifies it again"
    if certificate.expired(at):
        day = certificate.expires_at[:10] or "an unknown day"
        return f"certificate expired on {day}; recertify (aiops-flows certify)"
    if certificate.threshold is None:
        return f"nothing may be decided without a person: {certificate.reason}"
    return ""
