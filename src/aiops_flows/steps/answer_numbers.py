"""What an estimator says of cases, as plain numbers with how to read them: to compute with, to mix, and to store."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import RegistryError
from aiops_flows.evidence.answers import Scored
from aiops_flows.steps.class_answers import NO_CLASS, ClassAnswers
from aiops_flows.steps.quantiles import Quantities
from aiops_flows.use_case import ModelSpec

__all__ = ["AnswerNumbers", "StoredAnswers", "case_keys"]

Floats = NDArray[np.float64]
_SMALL = np.float32


def _not_asked(_: pd.DataFrame) -> Any:
    raise AssertionError("these answers are stored; there is no estimator to ask")


@dataclass(frozen=True)
class AnswerNumbers:
    """One row of numbers a case, as `ClassAnswers.ask` or `Quantities.ask` gives them."""

    numbers: Floats
    classes: list[str] | None = None
    """Of a classifier: the classes whose probabilities the columns hold."""
    levels: tuple[float, ...] = ()
    """Of a regressor: the levels of its quantiles."""
    says_how_sure: bool = False
    """Of a regressor: whether the last column is a confidence of its own."""

    @classmethod
    def asked(cls, spec: ModelSpec, estimator: Any, features: pd.DataFrame) -> Self:
        """What a fitted classifier or regressor says of these features, all of them at once."""
        if spec.kind == "classifier":
            classes = ClassAnswers.of(estimator)
            return cls(classes.ask(features), classes.classes)
        quantities = Quantities.of(estimator)
        return cls(quantities.ask(features), None, quantities.levels, quantities.sure is not None)

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, chosen: NDArray[Any]) -> Self:
        """Some of the rows."""
        return replace(self, numbers=self.numbers[chosen])

    def of_classes(self, classes: Sequence[str]) -> Self:
        """The same with these classes, in this order; a class that it does not know has no probability.

        An answer that is none of these classes becomes `NO_CLASS`.
        """
        if not self.classes or list(classes) == self.classes:
            return self
        place_of = {name: place for place, name in enumerate(classes)}
        numbers = np.zeros((len(self), 1 + len(classes)))
        new_places = np.array([place_of.get(name, NO_CLASS) for name in [*self.classes, ""]])
        numbers[:, 0] = new_places[self.numbers[:, 0].astype(np.int64)]
        for place, name in enumerate(self.classes):
            if name in place_of:
                numbers[:, 1 + place_of[name]] = self.numbers[:, 1 + place]
        return replace(self, numbers=numbers, classes=list(classes))

    def scored(self) -> tuple[Scored, Floats]:
        """As the gates take it, and the confidence of each answer."""
        if self.classes is None:
            values, quantiles, confidence = self.quantities.read(self.numbers)
            return Scored(values, quantiles=quantiles if self.levels else None, levels=self.levels), confidence
        answers = ClassAnswers(None, self.classes)
        places, probabilities, confidence = answers.read(self.numbers)
        return Scored(answers.named(places), probabilities, self.classes), confidence

    @property
    def strange(self) -> int:
        """How many answers are none of the classes."""
        return 0 if self.classes is None else int((self.numbers[:, 0] == NO_CLASS).sum())

    @property
    def quantities(self) -> Quantities:
        """How the numbers of a regressor are read."""
        return Quantities(
            _not_asked,
            _not_asked if self.levels else None,
            _not_asked if self.says_how_sure else None,
            self.levels,
        )


def case_keys(case_ids: Sequence[str]) -> NDArray[np.uint64]:
    """A number for each case id that does not give the id away: 64 bits of its SHA-256."""
    digests = [hashlib.sha256(f"case {case_id}".encode()).digest()[:8] for case_id in case_ids]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


@dataclass(frozen=True)
class StoredAnswers:
    """The answers to the cases that a version learned from, each by a model that had not learned from that case."""

    keys: NDArray[np.uint64]
    """Those of the cases (`case_keys`), ascending."""
    said: AnswerNumbers

    @classmethod
    def of(cls, case_ids: Sequence[str], said: AnswerNumbers) -> Self:
        """The answers to these cases, in any order."""
        keys = case_keys(case_ids)
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], said.rows(order))

    def places(self, case_ids: Sequence[str]) -> NDArray[np.int64]:
        """Where the answer to each case is; -1 where there is none."""
        keys = case_keys(case_ids)
        places = np.searchsorted(self.keys, keys)
        inside = np.minimum(places, max(len(self.keys) - 1, 0))
        known = self.keys[inside] == keys if len(self.keys) else np.zeros(len(keys), dtype=bool)
        return np.where(known, inside, -1)

    def to_bytes(self) -> bytes:
        """The answers as a file (numpy's, compressed): the same answers give the same bytes."""
        how = {"classes": self.said.classes, "levels": list(self.said.levels), "says_how_sure": self.said.says_how_sure}
        text = np.frombuffer(json.dumps(how, ensure_ascii=False).encode(), dtype=np.uint8)
        exact = self.said.classes is None
        content = io.BytesIO()
        np.savez_compressed(
            content, keys=self.keys, numbers=self.said.numbers.astype(np.float64 if exact else _SMALL), how=text
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> Self:
        """The answers of such a file.

        Raises:
            RegistryError: it is not the file of that SHA-256.
        """
        if (found := hashlib.sha256(content).hexdigest()) != digest:
            raise RegistryError(
                f"the stored answers of a version have the digest {found[:12]}, expected {digest[:12]}; train it again"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            how = json.loads(file["how"].tobytes())
            said = AnswerNumbers(
                file["numbers"].astype(np.float64), how["classes"], tuple(how["levels"]), bool(how["says_how_sure"])
            )
            return cls(file["keys"], said)
