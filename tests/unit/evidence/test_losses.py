"""How bad an answer was, between 0 and 1."""

import numpy as np
import pytest

from aiops_flows.evidence.losses import Loss, beyond, cost, wrong

LOSSES = [wrong, beyond(), beyond(share=0, absolute=5), cost(), cost(under=1, over=2, worst=10)]


def test_a_wrong_answer_costs_one() -> None:
    """Classes and verdicts of any type are equal or not."""
    assert wrong(["pay", "deny"], ["pay", "pay"]).tolist() == [0, 1]
    assert wrong([1, 0, True], [1.0, 1, True]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_what_is_missing_is_not_right(missing: float | None) -> None:
    """A missing answer or truth costs 1, even where both are missing."""
    said, true = np.array([missing, "pay", missing], object), np.array(["pay", missing, missing], object)
    assert wrong(said, true).tolist() == [1, 1, 1]
    for loss in (beyond(), cost()):
        quantities = np.array([missing, 1.0], float)
        assert loss(quantities, quantities[::-1]).tolist() == [1, 1]


def test_a_quantity_may_be_so_far_from_the_truth() -> None:
    """Within a share of the truth, or within an absolute distance, whichever allows more."""
    said, true = [90, 110, 111, 2, 106], [100, 100, 100, 0, 100]
    assert beyond(share=0.1)(said, true).tolist() == [0, 0, 1, 1, 0]
    assert beyond(share=0.1, absolute=2)(said, true).tolist() == [0, 0, 1, 0, 0]
    assert beyond(share=0, absolute=5)(said, true).tolist() == [1, 1, 1, 0, 1]
    assert beyond(share=0.1)([-90.0, -120.0], [-100.0, -100.0]).tolist() == [0, 1]


def test_too_low_and_too_high_cost_differently() -> None:
    """Each unit too low costs 5, each too high 1, as a share of the worst; what costs more counts as the worst."""
    loss = cost(under=5, over=1, worst=1_000)
    assert loss([90, 110, 100, 0, 5_000], [100, 100, 100, 100_000, 100]).tolist() == [0.05, 0.01, 0, 1, 1]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_every_loss_lies_between_0_and_1(loss: Loss) -> None:
    """Whatever is said and true, and 0 only where nothing is wrong."""
    random = np.random.default_rng(0)
    said, true = random.normal(0, 1e6, 500), random.normal(0, 1e6, 500)
    losses = loss(said, true)
    assert losses.dtype == np.float64
    assert ((losses >= 0) & (losses <= 1)).all()
    assert not loss(true, true).any()
    assert loss(np.array([np.inf]), np.array([1.0])).tolist() == [1]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_text_of_a_loss_tells_it_apart(loss: Loss) -> None:
    """It names every number, and no address, so that the same loss has the same text in every process."""
    assert "0x" not in repr(loss)
    assert sum(repr(other) == repr(loss) for other in LOSSES) == 1
    assert sum(other == loss for other in LOSSES) == 1


def test_losses_need_pairs() -> None:
    """One truth an answer."""
    for loss in LOSSES:
        with pytest.raises(ValueError, match="one of each a row"):
            loss([1, 2], [1])
    assert all(len(loss([], [])) == 0 for loss in LOSSES)


def test_numbers_that_mean_nothing_are_refused() -> None:
    """Distances and costs are not negative, and something is the worst."""
    with pytest.raises(ValueError, match="share is -1"):
        beyond(share=-1)
    with pytest.raises(ValueError, match="under is inf"):
        cost(under=np.inf)
    with pytest.raises(ValueError, match="worst is 0"):
        cost(worst=0)
