"""What the models that route tickets are made of: each version holds its preprocessing and its weights together."""

from __future__ import annotations

from pathlib import Path

from aiops_flows.estimators.knowledge import KnowledgeBase
from aiops_flows.estimators.replies import ReplySearch
from aiops_flows.estimators.sparse_text import SparseTextClassifier

__all__ = ["ticket_intent", "ticket_reply", "ticket_urgency"]


def ticket_intent() -> SparseTextClassifier:
    """Probabilities of the intents, and of being out of scope."""
    return SparseTextClassifier()


def ticket_urgency() -> SparseTextClassifier:
    """Probabilities of the urgencies, from the words and the channel; every ticket has one."""
    return SparseTextClassifier(out_of_scope=None)


def ticket_reply() -> ReplySearch:
    """Replies from answered tickets, and from the pages in ``flows/knowledge``."""
    return ReplySearch(knowledge=KnowledgeBase(str(Path(__file__).with_name("knowledge"))))
