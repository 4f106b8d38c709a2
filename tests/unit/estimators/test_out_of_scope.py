"""Where scope ends is a threshold on held-out rows, and probabilities agree with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiops_flows.estimators.out_of_scope import Held, Scope, learned_scope, with_out_of_scope


def held(rows: int, outside: int, seed: int = 0) -> Held:
    """Rows of which the first signal tells what is outside, and the second tells nothing."""
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet((5, 1, 1), rows + outside)
    classes: Any = np.repeat([0, -1], [rows, outside])
    signals = np.column_stack(
        [chance.normal(0, 1, rows + outside) + 3 * (classes < 0), chance.normal(size=rows + outside)]
    )
    return Held(probabilities=probabilities, signals=signals, plain=1, classes=classes)


@pytest.mark.parametrize("given_up", [0.0, 0.01, 0.1])
def test_no_more_accuracy_is_lost_than_was_given_up(given_up: float) -> None:
    """On the rows it was learned from, the loss is at most what was asked for, and not much less."""
    rows = held(2_000, 100)
    said = with_out_of_scope(rows["probabilities"], rows["signals"], learned_scope(rows, given_up)).argmax(axis=1)
    inside = rows["classes"] == 0
    before = (rows["probabilities"].argmax(axis=1) == 0)[inside].mean()
    lost = before - (said[inside] == 0).mean()
    assert given_up - 0.002 <= lost <= given_up + 1e-9


def test_the_largest_probability_agrees_with_the_threshold() -> None:
    """Out of scope is the most probable answer exactly where strangeness exceeds the threshold."""
    rows = held(500, 0)
    scope = Scope(weights=np.array([1.0, 0.0]), threshold=0.7, steepness=2.0)
    said = with_out_of_scope(rows["probabilities"], rows["signals"], scope)
    assert np.allclose(said.sum(axis=1), 1)
    assert np.array_equal(said.argmax(axis=1) == 3, rows["signals"][:, 0] > 0.7)
    assert np.array_equal(said[:, :3].argmax(axis=1), rows["probabilities"].argmax(axis=1))


def test_signals_are_weighed_by_what_they_show() -> None:
    """With rows out of scope the useless signal gets little weight; without any, only the plain ones count."""
    weights = learned_scope(held(2_000, 100), 0.01)["weights"]
    assert abs(weights[1]) < 0.4 * weights[0]
    assert learned_scope(held(2_000, 5), 0.01)["weights"][1] == 0


def test_signals_that_never_vary_are_harmless() -> None:
    """Constant signals give finite probabilities and nothing out of scope."""
    rows = held(100, 0)
    rows["signals"] = np.ones((100, 2))
    said = with_out_of_scope(rows["probabilities"], rows["signals"], learned_scope(rows, 0.01))
    assert np.isfinite(said).all()
    assert not (said.argmax(axis=1) == 3).any()
