"""A sentence model comes from a local folder, is pinned by its digest, and gives a text the same vector always."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aiops_flows.errors import DigestMismatch, TrainingError
from aiops_flows.estimators.sentence_vectors import folder_digest, sentence_vectors
from aiops_flows.estimators.torch_text import TorchTextClassifier
from tests.unit.estimators.tickets import INTENTS, OUTSIDE, tickets

transformers = pytest.importorskip("transformers", reason="the extra local-models is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network with random weights, as transformers saves it."""
    import torch

    place = tmp_path_factory.mktemp("sentences")
    words = sorted({word for text in (*INTENTS.values(), OUTSIDE) for word in text.split()})
    vocabulary = place / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    transformers.BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(place)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = transformers.BertConfig(
            vocab_size=5 + len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
        )
        transformers.BertModel(shape).save_pretrained(place)
    return place


def vectors(folder: Path, texts: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return sentence_vectors(texts, str(folder), folder_digest(str(folder)), 64)


def test_a_text_has_one_vector_whatever_it_comes_with(folder: Path) -> None:
    """Alone, in another order and among longer ones, a text gets the same vector to the bit, of length 1."""
    texts = [*tickets(37, outside=5)[0]["words"].tolist(), "refund", "", "late parcel " * 20]
    together = vectors(folder, texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1)
    assert np.array_equal(together, np.vstack([vectors(folder, [text]) for text in texts]))
    assert np.array_equal(together[::-1], vectors(folder, texts[::-1]))


def test_no_texts_have_no_vectors(folder: Path) -> None:
    """An empty batch gives an empty table of the right width."""
    assert vectors(folder, []).shape == (0, 32)


def test_it_classifies_with_the_folder(folder: Path) -> None:
    """The torch estimator learns from the vectors, and says which files it learned with."""
    model = TorchTextClassifier(str(folder), hidden=32, folds=2).fit(*tickets(300))
    cases, truth = tickets(200, seed=1)
    assert (model.predict(cases) == truth).mean() > 0.9
    assert model.digest_ == folder_digest(str(folder))


def test_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    """A changed file, or a folder that is gone, is not answered with; the error names both digests."""
    place = tmp_path / "model"
    shutil.copytree(folder, place)
    model = TorchTextClassifier(str(place), hidden=8, out_of_scope=None, folds=2).fit(*tickets(60))
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 0.5}))
    with pytest.raises(DigestMismatch, match=model.digest_[:12]):
        model.predict(tickets(5)[0])
    shutil.rmtree(place)
    with pytest.raises(DigestMismatch, match="none"):
        model.predict(tickets(5)[0])


def test_the_folder_may_lie_elsewhere_on_another_machine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable in the path is filled in where the model is used; the digest says that the files are the same."""
    monkeypatch.setenv("SENTENCE_MODEL", str(folder))
    model = TorchTextClassifier("$SENTENCE_MODEL", hidden=8, out_of_scope=None, folds=2).fit(*tickets(60))
    shutil.copytree(folder, tmp_path / "elsewhere")
    said = model.predict_proba(tickets(5)[0])
    monkeypatch.setenv("SENTENCE_MODEL", str(tmp_path / "elsewhere"))
    assert np.array_equal(model.predict_proba(tickets(5)[0]), said)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """What is missing is listed: a pickled model is none."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(TrainingError, match=r"tokenizer\.json', 'model\.safetensors"):
        folder_digest(str(tmp_path))
