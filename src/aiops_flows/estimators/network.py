"""The small network behind `torch_tabular`: trained by torch, answered by numpy, from one definition.

Answers are computed in 64-bit floats from the stored weights. So a worker that only scores never imports torch (two to
three seconds), and the score of a case depends neither on the batch it came in nor on a GPU being there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.mixed_columns import UNSEEN

if TYPE_CHECKING:
    import torch

__all__ = ["Plan", "Weights", "answered", "inner_split", "trained"]

Array = npt.NDArray[Any]
Weights = dict[str, npt.NDArray[np.float64]]

_ROWS_AT_ONCE = 16_384
_EVERY = 5  # every fifth row is kept back to say when to stop
_STEPS = 20  # small tables are learned in so many steps an epoch, not in one
_SMALLEST_BATCH = 16
_UNSEEN_SHARE = 0.02  # labels hidden while learning, so that the network knows what to say of an unseen one
_WIDEST_EMBEDDING = 16


@dataclass(frozen=True)
class Plan:
    """How a network is trained."""

    hidden: Sequence[int]
    dropout: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int
    """Epochs without a better answer on the inner rows, after which training ends."""
    seed: int


@dataclass(frozen=True)
class Rows:
    """Encoded cases with what is to be learned: numbers, codes of labels, and class numbers or scaled quantities."""

    numbers: Array
    codes: Array
    sizes: Sequence[int]
    """How many codes each column of labels has."""
    target: Array
    outputs: int
    """As many as there are classes; 1 for a quantity."""


def trained(rows: Rows, plan: Plan) -> Weights:
    """The weights of the epoch that did best on the inner rows.

    torch's random numbers are seeded inside and left as they were; a GPU is used when there is one.
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(plan.seed)
        best = _learned(rows, plan, device)
    return {name: tensor.cpu().numpy().astype(np.float64) for name, tensor in best.items()}


def answered(weights: Weights, numbers: Array, codes: Array) -> npt.NDArray[np.float64]:
    """The raw outputs of the network, a row a case."""
    parts = [_network(weights, numbers[rows], codes[rows], _side_by_side, _positive) for rows in _slices(len(numbers))]
    return np.concatenate(parts) if parts else np.empty((0, len(weights["bias_out"])))


def inner_split(target: Array, seed: int) -> tuple[Array, Array]:
    """Rows to learn from and rows to stop by: every fifth in the order of the target, equal ones shuffled."""
    shuffled = np.random.default_rng(seed).permutation(len(target))
    ordered = shuffled[np.argsort(target[shuffled], kind="stable")]
    kept_back = np.zeros(len(target), dtype=bool)
    kept_back[ordered[_EVERY // 2 :: _EVERY]] = True
    return np.flatnonzero(~kept_back), np.flatnonzero(kept_back)


def _network(
    weights: Mapping[str, Any],
    numbers: Any,
    codes: Any,
    side_by_side: Callable[[list[Any]], Any],
    bent: Callable[[Any], Any],
) -> Any:
    """The network, for tensors and for arrays: labels embedded beside the numbers, bent layers, the output."""
    embedded = [weights[f"labels_{place}"][codes[:, place]] for place in range(codes.shape[1])]
    signal = side_by_side([numbers, *embedded])
    for layer in range(_depth(weights)):
        signal = bent(signal @ weights[f"layer_{layer}"] + weights[f"bias_{layer}"])
    return signal @ weights["layer_out"] + weights["bias_out"]


def _depth(weights: Mapping[str, Any]) -> int:
    return sum(name.startswith("layer_") for name in weights) - 1


def _side_by_side(parts: list[Array]) -> Array:
    return np.concatenate(parts, axis=1)


def _positive(signal: Array) -> Array:
    positive: Array = np.maximum(signal, 0.0)
    return positive


def _slices(rows: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, rows, _ROWS_AT_ONCE))


def _learned(rows: Rows, plan: Plan, device: torch.device) -> dict[str, torch.Tensor]:
    """Train until the inner rows get no better; the tensors of the best epoch."""
    import torch

    numbers = torch.as_tensor(rows.numbers, dtype=torch.float32, device=device)
    codes = torch.as_tensor(rows.codes, dtype=torch.int64, device=device)
    target = torch.as_tensor(rows.target, dtype=torch.int64 if rows.outputs > 1 else torch.float32, device=device)
    learning, inner = (torch.as_tensor(part, device=device) for part in inner_split(rows.target, plan.seed))
    weights = _first_weights(rows, plan, device)
    optimizer = torch.optim.AdamW(weights.values(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    batch_size = min(plan.batch_size, max(_SMALLEST_BATCH, len(learning) // _STEPS))
    best, best_loss, waited = _copied(weights), math.inf, 0
    for _ in range(plan.max_epochs):
        for batch in torch.split(learning[torch.randperm(len(learning), device=device)], batch_size):
            said = _said(weights, numbers[batch], _some_hidden(codes[batch]), plan.dropout)
            optimizer.zero_grad()
            torch.autograd.backward(_loss(said, target[batch]))
            optimizer.step()
        with torch.no_grad():
            loss = float(_loss(_said(weights, numbers[inner], codes[inner], 0.0), target[inner]))
        waited += 1
        if loss < best_loss:
            best, best_loss, waited = _copied(weights), loss, 0
        if waited >= plan.patience:
            break
    return best


def _first_weights(rows: Rows, plan: Plan, device: torch.device) -> dict[str, torch.Tensor]:
    import torch

    weights = {}
    width = rows.numbers.shape[1]
    for place, size in enumerate(rows.sizes):
        wide = min(_WIDEST_EMBEDDING, round(1.6 * size**0.56))  # the rule of fastai
        weights[f"labels_{place}"] = torch.randn(size, wide, device=device) * 0.1
        width += wide
    for layer, wide in enumerate(plan.hidden):
        weights[f"layer_{layer}"] = torch.randn(width, wide, device=device) * math.sqrt(2.0 / max(width, 1))
        weights[f"bias_{layer}"] = torch.zeros(wide, device=device)
        width = wide
    weights["layer_out"] = torch.randn(width, rows.outputs, device=device) * math.sqrt(1.0 / max(width, 1))
    weights["bias_out"] = torch.zeros(rows.outputs, device=device)
    return {name: tensor.requires_grad_() for name, tensor in weights.items()}


def _said(
    weights: Mapping[str, torch.Tensor], numbers: torch.Tensor, codes: torch.Tensor, dropout: float
) -> torch.Tensor:
    import torch

    def bent(signal: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(torch.relu(signal), dropout, training=dropout > 0)

    said: torch.Tensor = _network(weights, numbers, codes, lambda parts: torch.cat(parts, dim=1), bent)
    return said


def _some_hidden(codes: torch.Tensor) -> torch.Tensor:
    import torch

    return codes.masked_fill(torch.rand(codes.shape, device=codes.device) < _UNSEEN_SHARE, UNSEEN)


def _loss(said: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    import torch

    if said.shape[1] > 1:
        return torch.nn.functional.cross_entropy(said, target)
    return torch.nn.functional.mse_loss(said[:, 0], target)


def _copied(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}
