"""What a column of free text is worth to a model: whether its words go with the outcome, and whether they name it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import KFold, cross_val_predict

from aiops_flows.starting.leaking import names_outcome
from aiops_flows.starting.outcome import Outcome
from aiops_flows.texts.hashed import hashed_counts

__all__ = ["Wording", "wording_of"]

_MOST_ROWS = 2_000
_PARTS = 3
_LEAST = 0.10
_ERRORS = 4.0  # times 1/√rows: words that say nothing seldom get as far
_WORDS = 1.0
_NAMED = 0.8  # published requests and loss descriptions name their class in up to half of their rows
_TOLD = 0.02
_FEATURES = 2**14
_LONGEST = 4_000
_SPACED = re.compile(r"\W*[^\W\d_]{2,}(?:['’.-][^\W\d_]+)*\W*")  # noqa: RUF001  a word has letters alone
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Wording:
    """What was found in a column of free text."""

    words: float
    """Words in the mean: tokens of letters. What is written without blanks counts as a word for two signs."""
    goes: float
    """Correlation of the outcome with what its words say of it, on rows left out."""
    enough: bool
    """Whether that is more than chance gives."""
    named: float
    """In which share of the texts the outcome stands word for word; 0 where chance would give as much."""

    @property
    def refusal(self) -> str:
        """Why no model should read it; empty where one should."""
        if self.words < _WORDS:
            return "codes rather than words"
        if self.named >= _NAMED:
            return self._naming
        return "" if self.enough else "its words tell nothing of the outcome on rows left out"

    @property
    def worth(self) -> str:
        """What its words tell."""
        return f"its words go with the outcome (correlation {self.goes:.2f} on rows left out)"

    @property
    def doubt(self) -> str:
        """What to look into though a model reads it."""
        return self._naming if self.named >= _TOLD else ""

    @property
    def _naming(self) -> str:
        share = f"{self.named:.0%} of its rows"
        return f"it names the outcome word for word in {share}: is it written before that is known?"


def wording_of(values: Sequence[str], outcomes: Sequence[str], outcome: Outcome) -> Wording:
    """What a column of texts tells of the outcome, seen on some 2,000 of its rows."""
    step = max(1, len(values) // _MOST_ROWS)
    texts, told = list(values[::step]), list(outcomes[::step])
    early = [text[:_LONGEST] for text in texts]
    words = float(np.mean([_count(text) for text in early if text] or [0.0]))
    if words < _WORDS:
        return Wording(words, 0.0, enough=False, named=0.0)
    goes = _goes_with(early, _numbers_of(told, outcome))
    enough = goes >= max(_LEAST, _ERRORS / math.sqrt(len(texts)))
    return Wording(words, goes, enough, names_outcome(texts, told, outcome))


def _count(text: str) -> float:
    spaced = sum(_SPACED.fullmatch(token) is not None for token in text.split())
    return max(spaced, len(_UNSPACED.findall(text)) / 2)


def _numbers_of(told: Sequence[str], outcome: Outcome) -> npt.NDArray[np.float64]:
    """The outcome as columns about 0: of classes one each, of a quantity its ranks."""
    if outcome.kind == "quantity":
        columns = rankdata([float(value) for value in told]).reshape(-1, 1)
    else:
        columns = np.array([[value == name for name in outcome.classes] for value in told], dtype=np.float64)
    centred: npt.NDArray[np.float64] = columns - columns.mean(axis=0)
    return centred


def _goes_with(texts: Sequence[str], truth: npt.NDArray[np.float64]) -> float:
    """Correlation of the truth with what a linear model of the words says of rows that it did not learn from."""
    seen = TfidfTransformer(sublinear_tf=True).fit_transform(hashed_counts(texts, words=(1, 1), features=_FEATURES))
    parts = KFold(_PARTS, shuffle=True, random_state=0)
    said = np.asarray(cross_val_predict(KernelRidge(), seen, truth, cv=parts)).reshape(truth.shape)
    said -= said.mean(axis=0)
    size = float(np.sqrt((said**2).sum() * (truth**2).sum()))
    return float((said * truth).sum() / size) if size > 0 else 0.0
