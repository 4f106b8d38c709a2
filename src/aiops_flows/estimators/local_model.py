"""A language model in a folder of this machine, run by the transformers library."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from aiops_flows.errors import CompletionFailed, UseCaseError
from aiops_flows.estimators.completion import Completion
from aiops_flows.estimators.model_folders import files_digest, folder_of
from aiops_flows.telemetry import switch_off

__all__ = ["LocalModel"]

_FEWEST_TOKENS = 64


@dataclass(frozen=True)
class LocalModel:
    """A causal language model with its tokenizer in one folder: safetensors only, no code of its own, no download.

    It needs the library's extra ``local-models``. The folder must be there wherever the model is used; it is held to
    the digest of its files at the time of the training.
    """

    directory: str
    longest: int = 300
    """Tokens of an answer, at most."""
    seconds: float = 60.0
    """After which no further token is written."""
    digest: str | None = None
    """The sha256 over the names and contents of its files; `pinned` fills it in."""

    @property
    def name(self) -> str:
        """The name of the folder."""
        return Path(self.directory).name

    @property
    def parallel(self) -> int:
        """One call at a time: it has all processors."""
        return 1

    def pinned(self) -> Self:
        """The same model, held to the files that are there now.

        Raises:
            UseCaseError: the folder is not there.
        """
        return replace(self, digest=_digest(self.directory))

    def complete(self, instruction: str, material: str) -> Completion:
        """What the model writes, always the most probable token.

        Raises:
            CompletionFailed: the folder, or the library that runs it, is not there, or its files are others.
        """
        import torch

        begun = time.monotonic()
        tokenizer, model = self._opened()
        most = _room(model) - self.longest
        if most < _FEWEST_TOKENS:
            raise CompletionFailed(f"{self.name} reads {_room(model)} tokens, too few for {self.longest} more", "small")
        asked = _asked(tokenizer, instruction, material)
        if asked.shape[1] > most:
            raise CompletionFailed(f"{self.name}: the thread has more than its {most} tokens", "too long")
        with torch.inference_mode():
            written = model.generate(
                asked,
                attention_mask=torch.ones_like(asked),
                max_new_tokens=self.longest,
                do_sample=False,
                max_time=self.seconds,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
            )[0, asked.shape[1] :]
        text = str(tokenizer.decode(written, skip_special_tokens=True))
        return Completion(text, int(asked.shape[1]), len(written), None, time.monotonic() - begun)

    def _opened(self) -> tuple[Any, Any]:
        try:
            return _open(self.directory, self.digest)
        except ImportError as fault:
            raise CompletionFailed(
                f"{self.name} needs {fault.name}; install aiops-flows[local-models]", "not installed"
            ) from fault
        except (OSError, ValueError, KeyError, UseCaseError) as fault:
            raise CompletionFailed(
                f"{self.name} cannot be opened: {type(fault).__name__}: {str(fault)[:200]}", "away"
            ) from fault


@lru_cache(maxsize=2)
def _open(directory: str, digest: str | None) -> tuple[Any, Any]:
    """Tokenizer and model; nothing of the folder is run, nothing is fetched."""
    if digest is not None and (found := _digest(directory)) != digest:
        raise UseCaseError(f"its files have the digest {found[:12]}, not {digest[:12]} as at the training")
    switch_off()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder_of(directory), local_files_only=True, trust_remote_code=False)
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder_of(directory), local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    return tokenizer, model.eval()


def _digest(directory: str) -> str:
    folder = folder_of(directory)
    if not folder.is_dir():
        raise UseCaseError(f"LocalModel: there is no folder {folder.name!r} where the directory says")
    return files_digest(folder)


def _room(model: Any) -> int:
    return int(getattr(model.config, "max_position_embeddings", None) or 2_048)


def _asked(tokenizer: Any, instruction: str, material: str) -> Any:
    """The tokens of the question, in the form that the model was made for where it says one."""
    if tokenizer.chat_template:
        turns = [{"role": "system", "content": instruction}, {"role": "user", "content": material}]
        whole = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        return tokenizer(whole, return_tensors="pt", add_special_tokens=False)["input_ids"]
    return tokenizer(f"{instruction}\n{material}\n\n", return_tensors="pt")["input_ids"]
