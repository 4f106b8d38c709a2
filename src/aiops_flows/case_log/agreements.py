"""Agreements to let automatic decisions start again, where that takes two people."""

from __future__ import annotations

from typing import Literal

from aiops_flows.case_log.names import person_key
from aiops_flows.case_log.tables import AGREEMENTS
from aiops_flows.case_log.transaction import Transaction

__all__ = ["About", "another_agreed", "model_asks_for_four_eyes"]

About = Literal["alarm", "hold"]
"""What an agreement is about: clearing an alarm, or releasing a hold."""

_AGREED = "SELECT actor_key FROM agreements WHERE use_case = ? AND about = ? AND number = ?"
_FOUR_EYES = "SELECT version FROM versions WHERE use_case = ? AND model = ? AND four_eyes <> 0"


def another_agreed(
    transaction: Transaction, about: About, number: int, *, reason: str, evidence: str, actor: str
) -> bool:
    """Whether a person other than ``actor`` agreed before; where not, the agreement of ``actor`` is stored."""
    keys = {row.actor_key for row in transaction.execute(_AGREED, transaction.use_case, about, number)}
    own = person_key(actor)
    if keys - {own}:
        return True
    if own not in keys:
        said = {"about": about, "number": number, "reason": reason, "evidence": evidence}
        transaction.insert(AGREEMENTS, {"actor": [actor]}, said)
    return False


def model_asks_for_four_eyes(transaction: Transaction, model: str, version: int | None) -> bool:
    """Whether a version of a model (any, where none is named) was registered with four eyes."""
    versions = {row.version for row in transaction.execute(_FOUR_EYES, transaction.use_case, model)}
    return bool(versions) if version is None else version in versions
