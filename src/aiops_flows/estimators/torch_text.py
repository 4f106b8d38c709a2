"""Classes of texts from the vectors of sentences: fewer labels are needed, and what is out of scope is seen better."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.utils.extmath import randomized_svd

from aiops_flows.estimators.hashed_columns import Array, Matrix, Weights
from aiops_flows.estimators.linear_text import linear_scores, linear_weights
from aiops_flows.estimators.network import answered
from aiops_flows.estimators.sentence_vectors import folder_digest, sentence_vectors
from aiops_flows.estimators.text_classes import OUT_OF_SCOPE, Rows, TextClassifier

__all__ = ["TorchTextClassifier"]

_BATCH = 256
_FEWEST_STEPS = 600  # few rows are gone over more often
_CENTRES = 4  # a class is said in several ways


class TorchTextClassifier(TextClassifier):
    """Classes of texts from sentence vectors, by a small network beside a linear model of the words.

    ``directory`` holds a sentence model as transformers saves it; it is pinned by its digest, and read both when
    fitting and when answering. Without one, vectors are learned on the spot from the texts that are fitted. Columns,
    labels, calibration and ``out_of_scope`` are as for `SparseTextClassifier`. What was fitted is arrays and plain
    values; torch is imported to fit, and to answer where there is a directory.
    """

    plain_signals = 2

    def __init__(  # noqa: PLR0917  the settings of a network
        self,
        directory: str | None = None,
        text: Sequence[str] | None = None,
        out_of_scope: str | None = OUT_OF_SCOPE,
        accuracy_given_up: float = 0.01,
        linear: float = 2.5,
        hidden: int = 512,
        dropout: float = 0.5,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        epochs: int = 20,
        dimensions: int = 256,
        most_tokens: int = 128,
        penalty: float | None = None,
        min_rows: int = 2,
        folds: int = 3,
        random_state: int = 0,
    ) -> None:
        self.directory = directory
        self.text = text
        self.out_of_scope = out_of_scope
        self.accuracy_given_up = accuracy_given_up
        self.linear = linear
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.dimensions = dimensions
        self.most_tokens = most_tokens
        self.penalty = penalty
        self.min_rows = min_rows
        self.folds = folds
        self.random_state = random_state

    def learn_vectors(self, texts: Sequence[str], hashed: Matrix) -> None:  # noqa: ARG002
        """Pin the sentence model, or learn in which directions these texts differ most (Deerwester et al. 1990)."""
        if self.directory is not None:
            self.digest_ = folder_digest(self.directory)
            return
        most = max(min(self.dimensions, min(hashed.shape) - 1), 1)
        directions = randomized_svd(hashed, most, n_iter=3, random_state=self.random_state)[2]
        self.projection_ = np.ascontiguousarray(directions.T, dtype=np.float32)

    def vectors(self, texts: Sequence[str], hashed: Matrix) -> Array:
        """A vector of length 1 for each text."""
        if self.directory is not None:
            return sentence_vectors(texts, self.directory, self.digest_, self.most_tokens)
        vectors: Array = np.asarray(hashed @ self.projection_)
        scaled: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return scaled

    def learned(self, rows: Rows, classes: Array, count: int) -> Weights:
        """The weights of the network and of the linear model, and a few centres a class."""
        return {
            **self._network(rows.vectors, classes, count),
            **linear_weights(rows.hashed, classes, count, self.penalty_, self.random_state),
            "centres": _centres(rows.vectors, classes, self.random_state),
        }

    def scores(self, weights: Weights, rows: Rows) -> Array:
        """What the network says, and ``linear`` times what the words say."""
        return _said(weights, rows.vectors) + self.linear * linear_scores(weights, rows.hashed)

    def signals(self, weights: Weights, rows: Rows, scores: Array) -> Array:  # noqa: ARG002
        """How little the network is moved, how far the next centre is, and what the words say of it."""
        near = (rows.vectors.astype(np.float64) @ weights["centres"].T).max(axis=1)
        by_network = _said(weights, rows.vectors).max(axis=1)
        by_words = linear_scores(weights, rows.hashed).max(axis=1)
        return np.column_stack([-by_network, -near, -by_words, rows.unseen[:, :2]])

    def _network(self, vectors: Array, classes: Array, count: int) -> Weights:
        """Train the network on all rows for a fixed number of steps, ever smaller ones (Loshchilov and Hutter 2017)."""
        import torch

        numbers = torch.as_tensor(_scaled(vectors), dtype=torch.float32)
        target = torch.as_tensor(classes, dtype=torch.int64)
        a_round = math.ceil(len(classes) / _BATCH)
        rounds = max(self.epochs, math.ceil(_FEWEST_STEPS / a_round))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            first = torch.nn.Linear(vectors.shape[1], self.hidden)
            last = torch.nn.Linear(self.hidden, count)
            network = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Dropout(self.dropout), last)
            steps = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
            slower = torch.optim.lr_scheduler.CosineAnnealingLR(steps, rounds * a_round)
            for _ in range(rounds):
                for batch in torch.split(torch.randperm(len(classes)), _BATCH):
                    steps.zero_grad()
                    torch.autograd.backward(torch.nn.functional.cross_entropy(network(numbers[batch]), target[batch]))
                    steps.step()
                    slower.step()
        named = {"layer_0": first.weight.T, "bias_0": first.bias, "layer_out": last.weight.T, "bias_out": last.bias}
        return {name: tensor.detach().numpy().astype(np.float32) for name, tensor in named.items()}


def _scaled(vectors: Array) -> Array:
    """Vectors of length 1 as numbers around 1, which networks learn from best."""
    scaled: Array = vectors.astype(np.float64) * math.sqrt(vectors.shape[1])
    return scaled


def _said(weights: Weights, vectors: Array) -> Array:
    layers = {name: weights[name] for name in ("layer_0", "bias_0", "layer_out", "bias_out")}
    return answered(layers, _scaled(vectors), np.empty((len(vectors), 0), dtype=np.int64))


def _centres(vectors: Array, classes: Array, seed: int) -> Array:
    found = []
    for number in np.unique(classes):
        members = vectors[classes == number]
        several = min(_CENTRES, len(np.unique(members, axis=0)))
        found.append(KMeans(several, n_init=1, random_state=seed).fit(members).cluster_centers_)
    centres = np.vstack(found)
    scaled: Array = (centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return scaled
