"""The network behind `torch_series`: trained by torch, answered by numpy, from one definition.

From a window in units it tells of each of the next periods the expected value, its quantiles, and the quantiles of the
sums up to it. What it says is added to the season before, and a linear path from the newest values leads around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

__all__ = ["Goals", "Inputs", "Plan", "Weights", "answered", "trained"]

Array = npt.NDArray[np.float64]
Weights = dict[str, Array]

_DECAY = 1e-2
_STEEPEST = 1.0  # gradients longer than this are cut


@dataclass(frozen=True)
class Inputs:
    """What the network sees, a row a window: arrays, or tensors while it learns."""

    columns: Any
    """The window, bent, and what it is like."""
    newest: Any
    """The newest values, in units."""
    base: Any
    """What each of the next periods would be if it were as in the season before, in units."""


@dataclass(frozen=True)
class Goals:
    """What came, in units; NaN where it is not known."""

    path: Array
    weight: Array
    """How much each row counts."""
    noise: Array
    """How far its series scatters; errors are counted in it."""


@dataclass(frozen=True)
class Plan:
    """How a network is trained."""

    levels: Array
    hidden: int
    dropout: float
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int


def trained(inputs: Inputs, goals: Goals, plan: Plan) -> Weights:
    """The weights after so many epochs; torch's random numbers are seeded inside and left as they were."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        learned = _learned(inputs, goals, plan)
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in learned.items()}


def answered(weights: Weights, inputs: Inputs, levels: int) -> Array:
    """What the network says, in units: rows, periods, and of each the expected value, quantiles, and those of the mean.

    The quantiles of the mean are those of the sum up to the period, divided by the number of periods.
    """
    return np.asarray(_network(weights, inputs, levels, lambda signal: np.maximum(signal, 0.0), np.concatenate))


def _network(
    weights: Mapping[str, Any],
    inputs: Any,
    levels: int,
    bent: Callable[[Any], Any],
    joined: Callable[..., Any],
) -> Any:
    """The network, for tensors and for arrays."""
    signal = bent(inputs.columns @ weights["layer_0"] + weights["bias_0"])
    signal = bent(signal @ weights["layer_1"] + weights["bias_1"])
    reach = inputs.base.shape[1]
    more = (signal @ weights["layer_out"] + weights["bias_out"]).reshape(-1, reach, 1 + 2 * levels)
    path = inputs.base + inputs.newest @ weights["around"]
    means = path @ weights["means"]
    around = joined([path[:, :, None]] * (1 + levels) + [means[:, :, None]] * levels, -1)
    return more + around


def _learned(inputs: Inputs, goals: Goals, plan: Plan) -> dict[str, torch.Tensor]:
    """Train with a learning rate that falls to nothing along a cosine."""
    import torch

    tensors = Inputs(*(torch.as_tensor(part, dtype=torch.float32) for part in _parts(inputs)))
    weights = _first_weights(inputs, plan)
    loss = _loss(goals, plan)
    rows = len(inputs.base)
    learned = [tensor for tensor in weights.values() if tensor.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=plan.learning_rate, weight_decay=_DECAY)
    steps = plan.epochs * -(-rows // plan.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def bent(signal: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(torch.relu(signal), plan.dropout)

    for _ in range(plan.epochs):
        for batch in torch.split(torch.randperm(rows), plan.batch_size):
            seen = Inputs(*(part[batch] for part in _parts(tensors)))
            optimizer.zero_grad()
            torch.autograd.backward(loss(_network(weights, seen, len(plan.levels), bent, torch.cat), batch))
            torch.nn.utils.clip_grad_norm_(learned, _STEEPEST)
            optimizer.step()
            schedule.step()
    return weights


def _parts(inputs: Any) -> tuple[Any, Any, Any]:
    return inputs.columns, inputs.newest, inputs.base


def _first_weights(inputs: Inputs, plan: Plan) -> dict[str, torch.Tensor]:
    import torch

    seen, reach = inputs.columns.shape[1], inputs.base.shape[1]
    said = reach * (1 + 2 * len(plan.levels))
    weights = {
        "layer_0": torch.randn(seen, plan.hidden) * math.sqrt(2.0 / seen),
        "bias_0": torch.zeros(plan.hidden),
        "layer_1": torch.randn(plan.hidden, plan.hidden) * math.sqrt(2.0 / plan.hidden),
        "bias_1": torch.zeros(plan.hidden),
        "layer_out": torch.zeros(plan.hidden, said),
        "bias_out": torch.zeros(said),
        "around": torch.zeros(inputs.newest.shape[1], reach),
    }
    learned = {name: tensor.requires_grad_() for name, tensor in weights.items()}
    counts = torch.arange(1, reach + 1, dtype=torch.float32)
    return learned | {"means": torch.triu(torch.ones(reach, reach)) / counts}


def _loss(goals: Goals, plan: Plan) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Squared error of what is expected, pinball loss of the quantiles, over what is known."""
    import torch

    means = np.cumsum(goals.path, axis=1) / np.arange(1, goals.path.shape[1] + 1)
    path, mean = (torch.as_tensor(part, dtype=torch.float32) for part in (goals.path, means))
    weight, noise = (torch.as_tensor(part, dtype=torch.float32)[:, None] for part in (goals.weight, goals.noise))
    levels = torch.as_tensor(plan.levels, dtype=torch.float32)
    count = len(levels)

    def pinball(said: torch.Tensor, came: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        known = torch.isfinite(came)
        off = (torch.nan_to_num(came)[:, :, None] - said) / scale[:, :, None]
        return (torch.maximum(levels * off, (levels - 1) * off).mean(dim=2) * known).sum(dim=1) / came.shape[1]

    def loss(said: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        came, scale = path[batch], noise[batch]
        known = torch.isfinite(came)
        squared = ((torch.nan_to_num(came) - said[:, :, 0]).square() / scale * known).mean(dim=1)
        periods = pinball(said[:, :, 1 : 1 + count], came, scale)
        sums = pinball(said[:, :, 1 + count :], mean[batch], scale)
        return (weight[batch][:, 0] * (squared + 4 * (periods + sums))).mean()

    return loss
