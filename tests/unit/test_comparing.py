"""Losses of live answers lie between 0 and 1; early outcomes are told from mature ones."""

from __future__ import annotations

import pandas as pd
import pytest

from aiops_flows.steps.comparing import class_losses, quantity_losses
from aiops_flows.steps.decided import mature_part


def test_a_class_costs_half_its_brier_score() -> None:
    """Sure and right costs nothing, sure and wrong one, half and half a quarter; no probabilities mean sure."""
    answers = pd.DataFrame(
        {
            "value": ["yes", "yes", "yes", "no", "yes"],
            "scores": ['{"yes": 1.0, "no": 0.0}', '{"yes": 1.0, "no": 0.0}', '{"yes": 0.5, "no": 0.5}', "{}", None],
            "truth": ["yes", "no", "no", "no", "other"],
        }
    )
    assert class_losses(answers, "").tolist() == [0.0, 1.0, 0.25, 0.0, 1.0]


def test_a_quantity_costs_its_distance_as_a_share_of_the_truth() -> None:
    """At most 1; of a truth of nothing only nothing is right, and what is missing costs 1."""
    answers = pd.DataFrame({"value": [110.0, 300.0, 0.0, 1.0, None], "truth": [100.0, 100.0, 0.0, 0.0, 5.0]})
    assert quantity_losses(answers, "") == pytest.approx([0.1, 1.0, 0.0, 1.0, 1.0])


def test_the_mature_part_is_the_longest_beginning_with_outcomes() -> None:
    """90 % of it are known; answers of one moment are mature together or not at all."""
    assert mature_part([1, 2, 3, 4], [True, True, True, False]) == 3
    assert mature_part([1, 1, 1, 1], [True, True, True, False]) == 0
    assert mature_part(range(20), [True] * 18 + [False] * 2) == 20
    assert mature_part([], []) == 0
