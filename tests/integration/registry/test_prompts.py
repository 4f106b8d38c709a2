"""Prompts of language models, kept in MLflow beside the versions that use them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from aiops_flows.errors import RegistryError
from aiops_flows.estimators.chat_endpoint import ChatEndpoint
from aiops_flows.estimators.generated_summaries import GenerativeSummary
from aiops_flows.estimators.prompts import Prompt
from aiops_flows.registry import Registered, Registry
from tests.unit.estimators.threads import BROKEN, frame, nothing


def new_name() -> str:
    return f"summary-{uuid4().hex[:8]}"


def registered(registry: Registry, model: str, prompt: Prompt) -> tuple[Registered, GenerativeSummary]:
    cases = frame(BROKEN)
    writer = GenerativeSummary(ChatEndpoint("http://127.0.0.1:9/v1", "small-1", attempts=1), prompt)
    writer.fit(cases, nothing(cases))
    stored = registry.register(
        model,
        writer,
        features=cases.iloc[:0],
        metrics={},
        params={},
        tags={},
        figures={},
        dataset_digest="d" * 8,
        code_version="c" * 8,
    )
    return stored, writer


def test_a_prompt_is_versioned_with_the_model(registry: Registry) -> None:
    """Each text is one version of the prompt; the model's version names it, and so does each call it makes."""
    model, name = new_name(), new_name()
    first, second = Prompt(name, "Say {it} {{ briefly }}."), Prompt(name, "Say it at length.")
    versions = []
    for prompt in (first, second, first):
        stored, _ = registered(registry, model, prompt)
        assert registry.tag_of(stored.run_id, "prompt_digests") == prompt.digest
        versions.append(registry.tag_of(stored.run_id, "prompts"))
        said = registry.load(model, stored.version, stored.digest).predict(frame(BROKEN))[0]
        assert (said["written_by"], said["calls"][0]["status"]) == ("fallback", "unreachable")
        assert said["calls"][0]["prompt_version"] == int(str(versions[-1]).rsplit("/", 1)[1])
    assert versions == [f"prompts:/{name}/1", f"prompts:/{name}/2", f"prompts:/{name}/1"]


def test_mlflow_has_the_text_of_the_prompt(registry: Registry) -> None:
    """The text comes back as it was, and the version of the model has the tag."""
    model, name = new_name(), new_name()
    stored, _ = registered(registry, model, Prompt(name, "Say {it} {{ briefly }}."))
    with registry._connection.reach("reading a prompt") as client:
        assert client.load_prompt(name, 1).template == "Say {it} {{ briefly }}."
        assert client.get_model_version(model, str(stored.version)).tags["prompts"] == f"prompts:/{name}/1"


def test_a_prompt_cannot_take_the_name_of_a_model(registry: Registry) -> None:
    """The two live under one roof in MLflow; nothing is registered."""
    model = new_name()
    registered(registry, model, Prompt(new_name(), "Say it."))
    with pytest.raises(RegistryError):
        registered(registry, model, Prompt(model, "Say it."))
