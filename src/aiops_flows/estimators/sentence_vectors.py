"""Vectors of texts by a sentence model in a local folder, pinned by its digest; nothing is downloaded.

Texts of like length are answered four at a time, in tensors of a fixed shape. So a text has the same vector to the bit
whatever it comes with; with ordinary batches the seventh digit changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from aiops_flows.errors import DigestMismatch, TrainingError
from aiops_flows.estimators.model_folders import files_digest, folder_of

__all__ = ["folder_digest", "sentence_vectors"]

"""Name, size and moment of change of each file: while they stay, the folder is not read again."""

_AT_ONCE = 4
_STEP = 8  # tokens: lengths are rounded up to a multiple
_NEEDED = ("config.json", "tokenizer.json", "model.safetensors")


def folder_digest(directory: str) -> str:
    """The digest of the files of a sentence model: the sha256 of their names and sha256s.

    Variables of the environment in the path, and ``~``, are filled in, so machines may keep it in different places.

    Raises:
        TrainingError: there is no such model, or not in the format that holds no code.
    """
    folder = folder_of(directory)
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise TrainingError(
            f"no sentence model in {directory!r}: {missing} missing. Expected a folder that transformers has saved, "
            f"with {', '.join(_NEEDED)}"
        )
    return files_digest(folder)


def sentence_vectors(texts: Sequence[str], directory: str, digest: str, most_tokens: int) -> npt.NDArray[np.float32]:
    """A vector of length 1 for each text: the mean over its tokens, of which the first ``most_tokens`` are read.

    Raises:
        DigestMismatch: the folder does not hold the model that was learned with.
    """
    folder = folder_of(directory)
    found = files_digest(folder) if folder.is_dir() else "none"
    if found != digest:
        raise DigestMismatch(
            f"the sentence model in {directory!r} has the digest {found[:12]}, learned with was {digest[:12]}: put the "
            "same files there, or train again"
        )
    tokenizer, network = _loaded(str(folder), digest)
    distinct, places = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    tokens = [tokenizer(text, truncation=True, max_length=most_tokens)["input_ids"] for text in distinct.tolist()]
    vectors = np.zeros((len(tokens), int(network.config.hidden_size)), dtype=np.float32)
    for chosen in _batches([len(row) for row in tokens]):
        vectors[chosen] = _means(network, [tokens[row] for row in chosen])
    answered: npt.NDArray[np.float32] = vectors[places]
    return answered


@lru_cache(maxsize=2)
def _loaded(folder: str, digest: str) -> tuple[Any, Any]:  # noqa: ARG001  another digest is another model
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging as said
    except ImportError as fault:
        raise TrainingError(
            f"a sentence model needs transformers, which is not installed ({fault}): pip install transformers"
        ) from fault
    quiet: Any = said
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()  # else it prints which weights it leaves out; those that it lacks are told below
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    network, loaded = AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        add_pooling_layer=False,
        output_loading_info=True,
    )
    if missing := sorted(loaded["missing_keys"]):
        raise TrainingError(
            f"the sentence model in {folder} lacks {len(missing)} weights, such as {missing[0]}; save it again whole"
        )
    return tokenizer, network.eval()


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Rows of like length, so many at once."""
    alike: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        alike.setdefault(-(-length // _STEP), []).append(row)
    return [rows[start : start + _AT_ONCE] for rows in alike.values() for start in range(0, len(rows), _AT_ONCE)]


def _means(network: Any, tokens: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
    """The mean over the tokens of each row, in a tensor of a fixed shape: rows are added where there are too few."""
    import torch

    width = -(-max(map(len, tokens)) // _STEP) * _STEP
    codes = torch.zeros((_AT_ONCE, width), dtype=torch.int64)
    there = torch.zeros((_AT_ONCE, width), dtype=torch.int64)
    there[:, 0] = 1
    for row, said in enumerate(tokens):
        codes[row, : len(said)] = torch.as_tensor(said)
        there[row, : len(said)] = 1
    with torch.inference_mode():
        states = network(input_ids=codes, attention_mask=there).last_hidden_state
        share = there[..., None].to(states.dtype)
        means = torch.nn.functional.normalize((states * share).sum(1) / share.sum(1))
    vectors: npt.NDArray[np.float32] = means.numpy()[: len(tokens)].astype(np.float32)
    return vectors
