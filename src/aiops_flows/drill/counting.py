"""What a drill looks at afterwards: is anything lost, decided twice, undecided, or without its audit row?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aiops_flows.case_log import audit, questions
from aiops_flows.steps.workspace import Workspace

__all__ = ["Counted", "count"]

_SHOWN = 3


@dataclass(frozen=True)
class Counted:
    """How the cases of one use case stand."""

    stored: int
    lost: int
    """Accepted, but not stored."""
    doubled: int
    """More than one first decision, or a decision beside an open first review."""
    undecided: int
    """Neither decided nor with a person."""
    decided: int
    with_people: int
    without_audit: int
    """What the audit trail and the invariants find fault with."""
    faults: list[str]

    @property
    def violations(self) -> list[str]:
        """What is broken, one line each."""
        numbers = {"lost": self.lost, "doubled": self.doubled, "undecided": self.undecided}
        return [f"{number} cases {name}" for name, number in numbers.items() if number] + self.faults

    def figures(self) -> dict[str, int]:
        """The counts, by name."""
        names = ("stored", "lost", "doubled", "undecided", "decided", "with_people", "without_audit")
        return {name: getattr(self, name) for name in names}


def count(place: Workspace, use_case: str, accepted: Collection[str] = ()) -> Counted:
    """How the cases stand, when ``accepted`` were acknowledged to whoever sent them."""
    stored = set(questions.cases(place.log, use_case)["case_id"])
    decisions = questions.effective(place.log, use_case)
    decided = decisions["case_id"].tolist()
    first = set(decisions.loc[decisions["revision"] == 0, "case_id"])
    asked = questions.open_reviews(place.log, use_case, lane=False)["case_id"].tolist()
    people = set(asked)
    findings = [f"{found.use_case}/{found.seq}: {found.what}" for found in audit.verify(place.log)]
    faults = findings + audit.check_invariants(place.log)
    repeated = (len(decided) - len(set(decided))) + (len(asked) - len(people))
    return Counted(
        stored=len(stored),
        lost=len(set(accepted) - stored),
        doubled=repeated + len(first & people) + (len(decided) - len(first)),
        undecided=len(stored - set(decided) - people),
        decided=len(set(decided)),
        with_people=len(people),
        without_audit=len(faults),
        faults=faults[:_SHOWN],
    )
