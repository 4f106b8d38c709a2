"""Public tickets with intents: the parts of CLINC150, MultiDoGO and BANKING77 as frames and classes."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.estimators.text_classes import OUT_OF_SCOPE

__all__ = ["Texts", "banking", "clinc", "few", "multidogo"]


@dataclass(frozen=True)
class Texts:
    """Texts with their classes."""

    cases: pd.DataFrame
    classes: npt.NDArray[Any]

    @classmethod
    def of(cls, texts: list[str], classes: list[str]) -> Texts:
        """Texts in a column ``words``."""
        return cls(pd.DataFrame({"words": texts}), np.asarray(classes))

    def __getitem__(self, rows: npt.NDArray[Any]) -> Texts:
        return Texts(self.cases.iloc[rows], self.classes[rows])

    def __len__(self) -> int:
        return len(self.classes)


def clinc(folder: Path, *parts: str) -> Texts:
    """Parts of CLINC150 together: ``train``, ``val``, ``test``, ``oos_train``, ``oos_val``, ``oos_test``."""
    published = json.loads((folder / "clinc150" / "data_full.json").read_text())
    rows = [row for part in parts for row in published[part]]
    return Texts.of([text for text, _ in rows], [OUT_OF_SCOPE if name == "oos" else name for _, name in rows])


def multidogo(folder: Path, domain: str, part: str) -> Texts:
    """Customers' sentences of one domain, by line and tab; lines with too few or too many columns are left out."""
    file = folder / "multidogo" / "sentence" / domain / f"{part}.tsv.gz"
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        heading, *lines = [line.rstrip("\n").split("\t") for line in opened]
    rows = [line for line in lines if len(line) == len(heading)]
    text, intent = heading.index("utterance"), heading.index("intent")
    return Texts.of([row[text] for row in rows], [row[intent] for row in rows])


def banking(folder: Path, part: str) -> Texts:
    """BANKING77 as published: ``train.csv`` and ``test.csv`` with the columns ``text`` and ``category``."""
    published = pd.read_csv(folder / f"{part}.csv", dtype=str, keep_default_na=False)
    return Texts.of(published["text"].tolist(), published["category"].tolist())


def few(texts: Texts, each: int, seed: int) -> Texts:
    """So many rows of each class, drawn at random."""
    draw = np.random.default_rng(seed)
    rows = [draw.permutation(np.flatnonzero(texts.classes == name))[:each] for name in np.unique(texts.classes)]
    return texts[np.concatenate(rows)]
