"""Summaries by a language model: every sentence is held against the turn it names, and a fall-back stands behind."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import orjson
from sklearn.base import BaseEstimator, clone

from aiops_flows.errors import CompletionFailed, UseCaseError
from aiops_flows.estimators.completion import Completion, LanguageModel
from aiops_flows.estimators.prompts import SUMMARY_PROMPT, Prompt
from aiops_flows.estimators.quotes import quotes_of, turns_of, words_of
from aiops_flows.estimators.rewritten import grounded
from aiops_flows.estimators.summaries import ExtractiveSummary
from aiops_flows.estimators.summary_writing import Objects, as_objects, quotes_in, threads_of, writing_of
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.texts.personal import masked
from aiops_flows.texts.threads import Turn

__all__ = ["GenerativeSummary"]

_FEWEST_WORDS = 8
_PATIENCE = 5
_logger = logging.getLogger("aiops_flows.generation")


class GenerativeSummary(WriterMixin, BaseEstimator):
    """Summaries that a language model writes, each sentence checked against the turn it rests on.

    The model is given the thread with personal data masked, as data. Of its answer only lines of the agreed form are
    read; a sentence that its turn does not support is dropped, and a part of which nothing is left is quoted by the
    fall-back. Where the model does not answer in time, answers nothing that can be used, or has cost the budget, the
    whole writing is the fall-back's. Nothing that the model says is carried out.

    A writing is that of `ExtractiveSummary`, where a written sentence has its source as ``quote``, and besides

    - ``written_by``: ``model``, ``model and fallback`` or ``fallback``
    - ``calls``: what was asked: model, prompt with digest and version, tokens, cost, seconds, status, and how many
      sentences were kept and dropped
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: Prompt = SUMMARY_PROMPT,
        fallback: Any = None,
        *,
        budget: float | None = None,
        longest: int = 600,
    ) -> None:
        """Nothing is asked yet.

        Args:
            model: a `ChatEndpoint`, a `LocalModel`, or anything with their three methods.
            prompt: the instruction; it is versioned in MLflow when a version is registered.
            fallback: the writer that stands behind; by default an `ExtractiveSummary`.
            budget: what the calls for one batch may cost, in the currency of the model's prices. It is looked at
                before each call, so calls under way at once may exceed it.
            longest: characters of the summary; the note may have twice as many.
        """
        self.model = model
        self.prompt = prompt
        self.fallback = fallback
        self.budget = budget
        self.longest = longest

    def __sklearn_tags__(self) -> Any:
        """A writer that may write otherwise when it is asked again."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  scikit-learn's signature
        """Train the fall-back, and hold a local model to its files; the language model learns nothing.

        Raises:
            UseCaseError: there is a budget and no price, or the folder of a local model is not there.
        """
        if self.budget is not None and None in {
            getattr(self.model, "price_in", 0),
            getattr(self.model, "price_out", 0),
        }:
            raise UseCaseError(f"GenerativeSummary: a budget needs the prices of {self.model.name}")
        self.model_ = self.model.pinned()
        self.fallback_ = clone(ExtractiveSummary(longest=self.longest) if self.fallback is None else self.fallback)
        self.fallback_.fit(X, y)
        self.prompt_version_: int | None = None
        self.n_features_in_ = 1
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    @property
    def prompts(self) -> list[Prompt]:
        """The prompts that a registry keeps beside the version."""
        return [self.prompt]

    def note_prompt_versions(self, versions: Sequence[int]) -> None:
        """Take the numbers under which the registry keeps the prompts, for the trace of each call."""
        self.prompt_version_ = versions[0]

    def predict(self, X: Any) -> Objects:  # noqa: N803
        """A writing for each thread; None where the fall-back has none."""
        threads = threads_of(X)
        spent = _Spent(self.budget)
        behind = list(self.fallback_.predict(X))
        with ThreadPoolExecutor(self.model_.parallel, thread_name_prefix="summary") as pool:
            said = list(pool.map(lambda thread, fallback: self._written(thread, fallback, spent), threads, behind))
        spent.told(self.model_.name)
        return as_objects(said)

    def _written(self, thread: Any, behind: dict[str, Any] | None, spent: _Spent) -> dict[str, Any] | None:
        if behind is None:
            return None
        turns = turns_of(thread)
        call = self._call()
        if sum(len(words_of(turn["text"])) for turn in turns) < _FEWEST_WORDS:
            return _by_fallback(behind, call | {"status": "too short"}, spent)
        if refused := spent.refusal():
            return _by_fallback(behind, call | {"status": refused}, spent)
        try:
            answer = self.model_.complete(self.prompt.text, material_of(turns))
        except CompletionFailed as fault:
            spent.failed(fault)
            return _by_fallback(behind, call | {"status": fault.status}, spent)
        spent.count(answer)
        taken = {name: value for name, value in asdict(answer).items() if name != "text"}
        return self._checked(turns, answer.text, behind, (call | taken, spent))

    def _checked(
        self, turns: Sequence[Turn], answer: str, behind: dict[str, Any], told: tuple[dict[str, Any], _Spent]
    ) -> dict[str, Any]:
        """The writing of what is grounded in an answer; parts of which nothing is are the fall-back's."""
        call, spent = told
        parts, dropped = grounded(answer, turns, quotes_of(turns))
        kept = sum(map(len, parts.values()))
        call |= {"kept": kept, "dropped": dropped}
        if not kept:
            return _by_fallback(behind, call | {"status": "nothing grounded" if dropped else "malformed"}, spent)
        own = {part: quotes or quotes_in(behind, part) for part, quotes in parts.items()}
        writing = writing_of(turns, own, self.longest)
        if writing is None:
            return _by_fallback(behind, call | {"status": "too long"}, spent)
        alone = all(parts[part] or not own[part] for part in ("issue", "resolution"))
        call["status"] = "used"
        spent.ended("used")
        return writing | {"written_by": "model" if alone else "model and fallback", "calls": [call]}

    def _call(self) -> dict[str, Any]:
        return {
            "model": self.model_.name,
            "prompt": self.prompt.name,
            "prompt_digest": self.prompt.digest,
            "prompt_version": self.prompt_version_,
        }


def material_of(turns: Sequence[Turn]) -> str:
    """The thread as a model is given it: a JSON object a turn, personal data masked."""
    return "\n".join(
        orjson.dumps({"turn": number, "speaker": turn["speaker"], "text": masked(turn["text"])}).decode()
        for number, turn in enumerate(turns)
    )


def _by_fallback(behind: dict[str, Any], call: dict[str, Any], spent: _Spent) -> dict[str, Any]:
    spent.ended(call["status"])
    return behind | {"written_by": "fallback", "calls": [call]}


@dataclass
class _Spent:
    """What the calls for one batch have taken so far; many threads write to it."""

    budget: float | None
    cost: float = 0.0
    tokens: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(self) -> str:
        """Why no further call is made, or nothing."""
        with self.lock:
            if self.budget is not None and self.cost >= self.budget:
                return "over budget"
            return "model away" if self.failures >= _PATIENCE else ""

    def count(self, answer: Completion) -> None:
        """Add a call that was answered."""
        with self.lock:
            self.failures = 0
            self.cost += answer.cost or 0.0
            self.seconds += answer.seconds
            self.tokens.update({"in": answer.tokens_in or 0, "out": answer.tokens_out or 0})

    def failed(self, fault: CompletionFailed) -> None:
        """Add a call that was not; the first of each kind is told."""
        with self.lock:
            self.failures += 1
            if not self.ends[fault.status]:
                _logger.warning("a summary falls back: %s", fault)

    def ended(self, status: str) -> None:
        """Add how a writing came to be."""
        with self.lock:
            self.ends[status] += 1

    def told(self, model: str) -> None:
        """Say it in numbers."""
        _logger.info(
            "summaries by %s: %s; %d tokens read, %d written, cost %.4f, %.1f s",
            model,
            dict(self.ends),
            self.tokens["in"],
            self.tokens["out"],
            self.cost,
            self.seconds,
        )
