"""A language model in a folder, made on the spot: a tiny one that always says the same sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.errors import CompletionFailed, UseCaseError
from aiops_flows.estimators import grounding
from aiops_flows.estimators.generated_summaries import GenerativeSummary
from aiops_flows.estimators.local_model import LocalModel
from aiops_flows.registry import model_file, trusted
from tests.unit.estimators.threads import BROKEN, frame, nothing

pytest.importorskip("transformers", reason="needs the extra local-models")

SENTENCE = "issue [0]: order 4711 arrived broken."


def tiny_model(folder: Path) -> Path:
    """Each word leads to the next one of the sentence, and any other word to its first: attention adds nothing."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["[UNK]", *SENTENCE.split(), "</s>"]
    size = len(words)
    words += [f"unused{n}" for n in range(16 - size)]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="</s>").save_pretrained(folder)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=16,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=2_048,
            eos_token_id=size - 1,
            bos_token_id=None,
            pad_token_id=None,
            tie_word_embeddings=False,
        )
    )
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
        model.model.norm.weight.fill_(1.0)
        model.model.embed_tokens.weight.copy_(torch.eye(16))
        for place in range(size - 1):
            model.lm_head.weight[place + 1, place] = 9.0
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_a_local_model_completes_and_counts(folder: Path) -> None:
    """It says what it was made to say, the tokens are counted, and the same is said again."""
    said = LocalModel(str(folder)).complete("do it", "with this")
    assert (said.text, said.tokens_in, said.tokens_out, said.cost) == (SENTENCE, 4, 7, None)
    assert LocalModel(str(folder)).complete("do it", "with this").text == said.text


def test_a_local_model_writes_a_grounded_summary(folder: Path) -> None:
    """Its sentence gets its source, the part that it leaves out comes from the fall-back, and all of it is stored."""
    cases = frame(BROKEN)
    writer = GenerativeSummary(LocalModel(str(folder))).fit(cases, nothing(cases))
    said = writer.predict(cases)[0]
    assert (said["written_by"], said["issue"]) == ("model and fallback", ["order 4711 arrived broken."])
    assert grounding.check(said, BROKEN).share == 1.0
    content, _ = model_file.to_bytes(writer, trusted.names())
    assert model_file.open_model(content, trusted.names(), "summary").predict(cases)[0]["issue"] == said["issue"]


def test_changed_files_are_not_used(folder: Path, tmp_path: Path) -> None:
    """A version is held to the files that were there at its training: another one falls back."""
    copy = tiny_model(tmp_path / "tiny")
    cases = frame(BROKEN)
    writer = GenerativeSummary(LocalModel(str(copy))).fit(cases, nothing(cases))
    (copy / "generation_config.json").write_text("{}")
    said = writer.predict(cases)[0]
    assert (said["written_by"], said["calls"][0]["status"]) == ("fallback", "away")


def test_a_folder_that_is_not_there_is_refused_at_training(tmp_path: Path) -> None:
    """Training says so at once; a use later on falls back."""
    cases = frame(BROKEN)
    with pytest.raises(UseCaseError, match="no folder"):
        GenerativeSummary(LocalModel(str(tmp_path / "gone"))).fit(cases, nothing(cases))
    with pytest.raises(CompletionFailed) as refused:
        LocalModel(str(tmp_path / "gone")).complete("do it", "with this")
    assert refused.value.status == "away"


def test_code_and_pickles_in_a_folder_are_not_run(folder: Path, tmp_path: Path) -> None:
    """Without safetensors there is no model, whatever else lies there."""
    copy = tiny_model(tmp_path / "tiny")
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(CompletionFailed):
        LocalModel(str(copy)).complete("do it", "with this")
    assert not (tmp_path / "ran").exists()


def test_a_thread_that_is_too_long_falls_back(folder: Path) -> None:
    """What the model cannot read whole is not cut behind its back."""
    with pytest.raises(CompletionFailed) as refused:
        LocalModel(str(folder)).complete("do it", "word " * 5_000)
    assert refused.value.status == "too long"


def test_declaring_a_model_loads_neither_torch_nor_transformers() -> None:
    """They are loaded at the first call."""
    program = (
        "import sys\nfrom aiops_flows.estimators.generated_summaries import GenerativeSummary\n"
        "from aiops_flows.estimators.local_model import LocalModel\nGenerativeSummary(LocalModel('x'))\n"
        "print([name for name in ('torch', 'transformers', 'httpx', 'mlflow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"
