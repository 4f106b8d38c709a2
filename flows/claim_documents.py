"""The document step of the claims flow: which papers lie beside a claim. Reading them is a later step's work."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from aiops_flows import batch_task

if TYPE_CHECKING:
    import pandas as pd

    from aiops_flows.steps.sources import Source

__all__ = ["attach_documents", "count_documents"]


@batch_task
def attach_documents(cases: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The claims with ``documents``: how many files lie in ``documents/<claim number>/`` beside the source.

    Nothing is read and nothing is decided from it: the count tells the adjuster that there is something to look at.
    A source that is no file or folder has nothing beside it.
    """
    if isinstance(source, str | Path):
        found = count_documents(Path(source).resolve().parent / "documents")
    else:
        found = Counter()
    return cases.assign(documents=[found[case_id] for case_id in cases["case_id"]])


def count_documents(folder: Path) -> Counter[str]:
    """Claim number -> files in the subfolder of that name; empty where there is no such folder.

    The folder is listed and names are compared, so that no claim number is ever made into a path.
    """
    if not folder.is_dir():
        return Counter()
    with os.scandir(folder) as entries:
        return Counter({entry.name: _files(entry) for entry in entries if entry.is_dir(follow_symlinks=False)})


def _files(folder: os.DirEntry[str]) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.is_file(follow_symlinks=False) and not entry.name.startswith(".") for entry in entries)
