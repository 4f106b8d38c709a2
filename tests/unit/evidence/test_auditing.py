"""Which decisions are read by a person as well, and what the readings say of all."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from aiops_flows.evidence import audit_probabilities, audited_share, exact_interval, selected

RUNS = 600
IDS = [f"case-{number}" for number in range(20_000)]


def test_anybody_can_check_who_is_read() -> None:
    """The draw is the first 53 bits of SHA-256 over salt, line feed and case id."""
    digest = hashlib.sha256(b"salt\nA-1").hexdigest()
    place = (int(digest[:16], 16) >> 11) / 2**53
    assert selected(["A-1"], np.array([place]), "salt").tolist() == [False]
    assert selected(["A-1"], np.array([np.nextafter(place, 1)]), "salt").tolist() == [True]


def test_a_share_is_read_and_always_the_same() -> None:
    """About the share of cases is read; the same ones in any order; all at 1, none at 0; others with another salt."""
    read = selected(IDS, 0.02, "one")
    assert 320 <= read.sum() <= 480
    assert (selected(IDS[::-1], 0.02, "one")[::-1] == read).all()
    assert not (selected(IDS, 0.02, "other") == read).all()
    assert selected(IDS, 1.0, "one").all()
    assert not selected(IDS, 0.0, "one").any()


def test_more_is_read_on_top_of_what_was() -> None:
    """A higher probability adds readings and takes none away."""
    few, many = selected(IDS, 0.02, "salt"), selected(IDS, 0.10, "salt")
    assert (many | ~few).all()
    assert many.sum() > 3 * few.sum()


def test_small_strata_are_read_more() -> None:
    """The floor is the number of readings expected of a stratum, recent cases counted; never more than all."""
    strata = np.array(["big"] * 900 + ["small"] * 90 + ["tiny"] * 10)
    given = audit_probabilities(strata, share=0.02, floor=20, recent={"big": 5_000, "small": 110})
    assert given[0] == 0.02
    assert given[900] == pytest.approx(20 / 200)
    assert given[-1] == 1
    assert audit_probabilities([], share=0.02, floor=20, recent={}).shape == (0,)
    assert set(audit_probabilities(strata, share=0.02, floor=0, recent={})) == {0.02}


@pytest.mark.parametrize(("share", "floor"), [(-0.1, 0), (1.1, 0), (0.02, -1)])
def test_a_share_that_is_none_is_refused(share: float, floor: float) -> None:
    """A share lies between 0 and 1, a floor is not negative."""
    with pytest.raises(ValueError, match="share"):
        audit_probabilities(["a"], share=share, floor=floor, recent={})


def test_equal_small_probabilities_give_the_exact_interval() -> None:
    """Where every case is as unlikely to be read, it is Clopper and Pearson's."""
    for errors in (0, 1, 5, 40):
        loss = np.append(np.ones(errors), np.zeros(40 - errors))
        found = audited_share(loss, np.full(40, 0.001), population=40_000)
        assert found.value == pytest.approx(errors / 40)
        assert (found.low, found.high) == pytest.approx(exact_interval(errors, 40), abs=0.01)


def test_nothing_read_says_nothing() -> None:
    """Without a reading there is no value, the interval is everything, and the reason says why."""
    found = audited_share([], [], population=500)
    assert (found.value, found.low, found.high, found.readings) == (None, 0, 1, 0)
    assert found.reason == "none of 500 decided cases was read"
    assert audited_share([], [], population=0).reason == "no case was decided"
    expected = audited_share(
        np.full(5, np.nan), np.full(5, 0.02), population=5, expected=np.full(5, 0.1), labelled=np.zeros(5, bool)
    )
    assert expected.value is None


def test_everything_read_is_known() -> None:
    """Where every case was read, by luck or on purpose, the figure has no uncertainty."""
    for chance in (1.0, 0.5):
        found = audited_share([0, 0, 0, 1], np.full(4, chance), population=4)
        assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_the_interval_keeps_to_what_is_still_possible() -> None:
    """Known errors stay errors, and not more cases can be wrong than were not read."""
    found = audited_share(np.append(np.ones(30), np.zeros(60)), np.full(90, 0.9), population=100)
    assert 0.30 <= found.low <= (found.value or 0) <= found.high <= 0.40


def covered(loss: NDArray[np.float64], chance: NDArray[np.float64], seed: int, *, expected: bool = False) -> bool:
    random = np.random.default_rng((7, seed))
    read = random.random(len(loss)) < chance
    if expected:
        foreseen = np.clip(0.3 - loss / 4, 0, 1)  # a bad model: the worse the case, the better it looks
        found = audited_share(loss, chance, population=len(loss), expected=foreseen, labelled=read)
    else:
        found = audited_share(loss[read], chance[read], population=len(loss))
    return found.low - 1e-12 <= float(loss.mean()) <= found.high + 1e-12


@pytest.mark.parametrize(
    ("cases", "rare", "errors", "chances"),
    [
        (2_000, 0.0, (0.02, 0.02), (0.02, 0.02)),
        (2_000, 0.0, (0.10, 0.10), (0.02, 0.02)),
        (500, 0.0, (0.30, 0.30), (0.02, 0.02)),
        (1_000, 0.1, (0.02, 0.02), (0.02, 0.20)),
        (1_000, 0.1, (0.05, 0.01), (0.02, 0.20)),
        (1_000, 0.1, (0.01, 0.30), (0.02, 0.20)),
        (400, 0.5, (0.10, 0.01), (0.02, 0.20)),
        (1_500, 0.02, (0.05, 0.30), (0.02, 1.00)),
        (80, 0.0, (0.05, 0.05), (0.50, 0.50)),
        (80, 0.0, (0.05, 0.05), (0.90, 0.90)),
    ],
)
def test_intervals_hold_the_truth(
    cases: int, rare: float, errors: tuple[float, float], chances: tuple[float, float]
) -> None:
    """In at least 93 % of runs, with few readings, rare errors, unequal probabilities and strata."""
    held = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        stratum = (random.random(cases) < rare).astype(int)
        loss = (random.random(cases) < np.array(errors)[stratum]).astype(float)
        held += covered(loss, np.array(chances)[stratum], seed)
    assert held / RUNS >= 0.93


def test_a_bad_model_of_the_errors_does_no_harm() -> None:
    """With expectations that are the wrong way round the interval still holds the truth."""
    held = 0
    for seed in range(RUNS):
        loss = (np.random.default_rng(seed).random(2_000) < 0.1).astype(float)
        held += covered(loss, np.full(2_000, 0.03), seed, expected=True)
    assert held / RUNS >= 0.93


def test_a_good_model_of_the_errors_narrows_the_interval() -> None:
    """Where it is known which cases are often wrong, the same readings say more."""
    widths = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        error = np.where(random.random(3_000) < 0.2, 0.7, 0.02)
        loss, read = (random.random(3_000) < error).astype(float), random.random(3_000) < 0.05
        plain = audited_share(loss[read], np.full(read.sum(), 0.05), population=3_000)
        helped = audited_share(loss, np.full(3_000, 0.05), population=3_000, expected=error, labelled=read)
        widths.append((plain.high - plain.low, helped.high - helped.low))
    plain_width, helped_width = np.mean(widths, axis=0)
    assert helped_width < 0.85 * plain_width


def test_losses_may_come_for_readings_or_for_all_cases() -> None:
    """With a mark of what was read, losses of unread cases may be missing, or left out."""
    random = np.random.default_rng(0)
    loss, chance, expected = random.random(200), np.full(200, 0.3), random.random(200)
    read = random.random(200) < chance
    of_all = audited_share(np.where(read, loss, np.nan), chance, population=200, expected=expected, labelled=read)
    of_read = audited_share(loss[read], chance[read], population=200, expected=expected, labelled=read)
    assert of_all == of_read
    assert of_all.method.startswith("AIPW")


def test_the_order_of_cases_does_not_matter() -> None:
    """The same readings in another order give the same figure."""
    random = np.random.default_rng(0)
    loss, chance = random.random(50) < 0.2, random.uniform(0.02, 0.5, 50)
    mixed = random.permutation(50)
    found = [audited_share(loss[order], chance[order], population=600) for order in (np.arange(50), mixed)]
    assert found[0].value == pytest.approx(found[1].value)
    assert (found[0].low, found[0].high) == pytest.approx((found[1].low, found[1].high))


@pytest.mark.parametrize(
    ("loss", "chance", "match"),
    [
        ([0, 2], [0.1, 0.1], "between 0 and 1"),
        ([0, 1], [0.1, 0.0], "recorded probability"),
        ([0, 1], [0.1, np.nan], "recorded probability"),
        ([0] * 11, [0.1] * 11, "a case is read once"),
    ],
)
def test_readings_that_cannot_be_are_refused(loss: list[float], chance: list[float], match: str) -> None:
    """A reading has a loss, a probability, and a decided case of its own."""
    with pytest.raises(ValueError, match=match):
        audited_share(loss, chance, population=10)


def test_expectations_are_needed_for_every_case() -> None:
    """Neither too few of them, nor without a mark of what was read."""
    with pytest.raises(ValueError, match="expected losses for 10"):
        audited_share([0, 1], [0.1, 0.1], population=10, expected=[0.1, 0.1])
