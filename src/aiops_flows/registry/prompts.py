"""Prompts of language models in MLflow: a version for each text, found again by its digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["PROMPT_TAGS", "AsksByPrompts", "keep_prompts", "prompt_tags", "prompts_of"]

PROMPT_TAGS = ("prompts", "prompt_digests")
"""The tags of a model version that name its prompts."""
_DIGEST = "aiops_flows.prompt_digest"


class _Prompt(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def digest(self) -> str: ...


@runtime_checkable
class AsksByPrompts(Protocol):
    """An estimator that asks a language model, and wants to know under which versions its prompts are kept."""

    @property
    def prompts(self) -> Sequence[_Prompt]:
        """What it instructs the model with."""
        ...

    def note_prompt_versions(self, versions: Sequence[int]) -> None:
        """Take the versions, one a prompt."""
        ...


def prompts_of(estimator: Any) -> Sequence[_Prompt]:
    """The prompts of an estimator that has some."""
    return estimator.prompts if isinstance(estimator, AsksByPrompts) else []


def keep_prompts(client: MlflowClient, prompts: Sequence[_Prompt]) -> list[int]:
    """The versions under which MLflow has the prompts; a text that it does not have yet becomes the next version."""
    return [_version(client, prompt) for prompt in prompts]


def prompt_tags(prompts: Sequence[_Prompt], versions: Sequence[int]) -> dict[str, str]:
    """What is noted on the version of the model: MLflow's address of each prompt, and its digest."""
    addresses = [f"prompts:/{prompt.name}/{version}" for prompt, version in zip(prompts, versions, strict=True)]
    digests = [prompt.digest for prompt in prompts]
    return dict(zip(PROMPT_TAGS, (",".join(addresses), ",".join(digests)), strict=True)) if addresses else {}


def _version(client: MlflowClient, prompt: _Prompt) -> int:
    """The version of a prompt's text. MLflow leaves prompts out of a search that does not ask for them (3.17)."""
    known = (
        f"name = '{prompt.name}' AND tags.`mlflow.prompt.is_prompt` = 'true' AND tags.`{_DIGEST}` = '{prompt.digest}'"
    )
    if found := client.search_model_versions(known):
        return min(int(version.version) for version in found)
    return int(client.register_prompt(prompt.name, prompt.text, tags={_DIGEST: prompt.digest}).version)
