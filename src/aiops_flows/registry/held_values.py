"""The texts that a model file holds, such as the categories that an encoder has seen."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np

__all__ = ["texts_in"]

_SCHEMA = "schema.json"


def texts_in(content: bytes) -> set[str]:
    """Every text in the content of a model file in skops' format: names of its parts, parameters and categories."""
    with zipfile.ZipFile(BytesIO(content)) as file:
        texts = set(_texts_of(json.loads(file.read(_SCHEMA))))
        for name in file.namelist():
            if name.endswith(".npy"):
                with file.open(name) as stored:
                    texts.update(_texts_of_array(stored.read()))
    return texts


def _texts_of(node: Any) -> Iterator[str]:
    """The texts of a part of the schema; a plain value stands in it as JSON of its own."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            yield part
            if part.startswith('"'):
                yield str(json.loads(part))


def _texts_of_array(stored: bytes) -> list[str]:
    """The texts of an array of texts; none of an array of numbers, and none of pickled objects, which skops refuses."""
    array = np.load(BytesIO(stored), mmap_mode=None, allow_pickle=False)
    return [str(text) for text in array.ravel().tolist()] if array.dtype.kind == "U" else []
