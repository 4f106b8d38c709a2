"""A second opinion on certificates: MAPIE's Learn-then-Test controllers on the same rows."""

import warnings

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController
from mapie.risk_control.fwer_control import FWERFixedSequenceTesting
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from numpy.typing import NDArray
from scipy.stats import binom

from aiops_flows.evidence import certify_threshold
from aiops_flows.evidence.bounded import log_evidence

LABELS, DRAWS = 2_000, 60
MAX_ERROR, SURE = 0.05, 0.90
GRID = np.linspace(0, 0.99, 100)


def drawn(seed: int, rows: int = LABELS) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidences, and whether each was wrong; the true error above t is 0.15 * (1 - t)."""
    random = np.random.default_rng(seed)
    confidence = random.random(rows)
    return confidence, random.random(rows) < 0.3 * (1 - confidence)


def both_classes(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1 - confidence, confidence])


def by_mapie(
    confidence: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    thresholds: NDArray[np.float64],
    method: str | FWERFixedSequenceTesting = "bonferroni_holm",
) -> float | None:
    """The threshold that MAPIE controls precision with: the share of right ones among those that reach it."""
    controller = BinaryClassificationController(
        both_classes,
        risk="precision",
        target_level=1 - MAX_ERROR,
        confidence_level=SURE,
        list_predict_params=thresholds,
        fwer_method=method,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a risk that is not monotonic, and of no valid threshold
        controller.calibrate(confidence, (~wrong).astype(int))
    found = controller.best_predict_param
    return None if found is None else float(found)


def ours(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float | None:
    return certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE).threshold


def test_the_tail_is_mapie_s() -> None:
    """Our binomial tail is their p-value; where their division rounds up, theirs counts one wrong row more."""
    rows = np.repeat(np.arange(50, 1_000, 50), 8)
    wrong = np.tile(np.arange(8), 19)
    theirs = compute_hoeffding_bentkus_p_value(wrong / rows, rows.astype(float), MAX_ERROR, binary=True)[:, 0]
    tail, further = binom.cdf(wrong, rows, MAX_ERROR), binom.cdf(wrong + 1, rows, MAX_ERROR)
    assert np.all((np.isclose(theirs, tail)) | ((tail < theirs) & (theirs <= further * (1 + 1e-9))))
    assert np.isclose(theirs, tail).mean() > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_from_one_start_the_search_goes_as_far_as_mapie_s(seed: int) -> None:
    """Fixed-sequence testing from the same start: theirs stops where ours does, or earlier by its rounding."""
    confidence, wrong = drawn(seed, 1_500)
    start = float(np.sort(confidence)[-150])
    theirs = by_mapie(confidence, wrong, np.sort(confidence[confidence <= start]), FWERFixedSequenceTesting(1))
    found = certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE, starts=[start])
    assert (found.threshold is None) <= (theirs is None)
    if theirs is not None:
        assert found.threshold is not None
        assert found.threshold <= theirs
        reached = confidence >= theirs
        tail = binom.cdf(int(wrong[reached].sum()), int(reached.sum()), MAX_ERROR)
        assert tail <= 1 - SURE


def test_both_keep_their_word_and_ours_covers_no_less() -> None:
    """On the same draws both break the bound in at most 10 %; ours covers as much as the best of theirs."""
    found: dict[str, list[float | None]] = {"ours": [], "holm": [], "sequence": []}
    for seed in range(DRAWS):
        confidence, wrong = drawn(seed)
        found["ours"].append(ours(confidence, wrong))
        found["holm"].append(by_mapie(confidence, wrong, GRID))
        found["sequence"].append(by_mapie(confidence, wrong, GRID, FWERFixedSequenceTesting(4)))
    broken = {name: sum(0.15 * (1 - t) > MAX_ERROR for t in each if t is not None) for name, each in found.items()}
    covered = {name: np.mean([0.0 if t is None else 1 - t for t in each]) for name, each in found.items()}
    assert all(count <= binom.ppf(0.999, DRAWS, 1 - SURE) for count in broken.values())
    assert covered["ours"] >= max(covered["holm"], covered["sequence"]) - 0.02
    assert covered["ours"] <= 1 / 3


def test_bets_prove_more_than_the_bound_of_hoeffding_and_bentkus() -> None:
    """For losses between 0 and 1 that vary little, our evidence beats MAPIE's p-value on the same rows."""
    losses = np.random.default_rng(0).beta(1, 39, 600)
    p_value = compute_hoeffding_bentkus_p_value(np.array([losses.mean()]), 600, MAX_ERROR)[0, 0]
    assert np.exp(-log_evidence(losses, np.array([600]), limit=MAX_ERROR, chance=0.03))[0] < p_value / 100
