"""All forecasters have one manner: histories in, expected sums and calibrated quantiles out, the same anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.boosted_series import BoostedForecaster
from aiops_flows.estimators.forecaster import Forecaster
from aiops_flows.estimators.seasonal_naive import SeasonalNaive
from aiops_flows.estimators.statistical import StatisticalForecaster
from aiops_flows.estimators.torch_series import TorchForecaster
from aiops_flows.registry.model_file import open_model, to_bytes
from aiops_flows.registry.trusted import OURS
from aiops_flows.series.history import series_of
from tests.unit.estimators.demand import FIRST, lines, scarce, steady

Array = npt.NDArray[np.float64]

FEATURES = ["history", "cover"]
BOOSTED = BoostedForecaster(windows=600, rounds=30)
ALL = {
    "naive": SeasonalNaive(),
    "boosted": BOOSTED,
    "torch": TorchForecaster(windows=800, hidden=32, epochs=20),
}


def fitted_to(plain: Forecaster, values: Array) -> Any:
    """A forecaster that has learned from what was known at the fifth last and the second last quarter."""
    past = lines(values, [54, 57])
    return clone(plain).fit(past[FEATURES], past["demand"])


@pytest.fixture(scope="module", params=ALL)
def steady_one(request: pytest.FixtureRequest) -> Any:
    return fitted_to(ALL[request.param], steady(40))


@pytest.fixture(scope="module", params=ALL)
def scarce_one(request: pytest.FixtureRequest) -> Any:
    return fitted_to(ALL[request.param], scarce(80))


def share_inside(model: Any, after: pd.DataFrame) -> float:
    """How often demand lies between the quantiles .1 and .9."""
    said, came = model.predict_quantiles(after), after["demand"].to_numpy()
    return float(((came >= said[:, 1]) & (came <= said[:, 5])).mean())


def test_steady_demand_is_forecast_better_than_by_the_season_before(steady_one: Any) -> None:
    """With growth and a season, each forecaster beats the seasonal naive one on later quarters, or is it."""
    after = lines(steady(40), [60, 63, 66])
    off = np.abs(steady_one.predict(after) - after["demand"]).sum()
    naive = np.abs(fitted_to(ALL["naive"], steady(40)).predict(after) - after["demand"]).sum()
    assert off == naive if isinstance(steady_one, SeasonalNaive) else off < naive


def test_quantiles_mean_what_they_say(steady_one: Any) -> None:
    """About 80 % of later demand lies between the quantiles .1 and .9, and quantiles ascend and are never negative."""
    after = lines(steady(40), [60, 63, 66])
    assert 0.68 < share_inside(steady_one, after) < 0.95
    said = steady_one.predict_quantiles(after)
    assert said.shape == (len(after), 8)
    assert (np.diff(said, axis=1) >= 0).all()
    assert (said >= 0).all()


def test_series_of_other_years_get_intervals_of_their_own() -> None:
    """The errors of series that have no time in common are learned from all of them, not from those recorded last."""
    chance = np.random.default_rng(4)
    histories, came = [], []
    for place in range(30):
        noise = 0.02 if place < 25 else 0.3
        values = 100 * np.exp(np.cumsum(chance.normal(0, noise, 132)))
        histories.append(series_of("month", 1_000 * (30 - place), values[:120]))
        came.append(values[120:])
    frame = pd.DataFrame({"history": histories, "cover": 1})
    model = SeasonalNaive(season=1).fit(frame, np.full(30, np.nan))
    path = model.predict_path(frame)
    held = (np.array(came) >= path[:, :, 1]) & (np.array(came) <= path[:, :, 5])
    assert held.mean() > 0.68


def test_scarce_demand_is_counted_in_whole_numbers(scarce_one: Any) -> None:
    """Quantiles of counts are counts, the lower ones nothing, and cover what they say; sums are of the right size."""
    after = lines(scarce(80), [60, 63, 66])
    said = scarce_one.predict_quantiles(after)
    assert (said == np.round(said)).all()
    assert (said[:, 1] == 0).mean() > 0.5
    assert share_inside(scarce_one, after) > 0.78
    assert float((after["demand"] <= said[:, 5]).mean()) == pytest.approx(0.92, abs=0.06)
    assert scarce_one.predict(after).sum() == pytest.approx(after["demand"].sum(), rel=0.3)


def test_an_answer_depends_on_its_row_alone(steady_one: Any) -> None:
    """Alone, among others, and in another order with longer histories beside it, a row gets the same answer."""
    after = lines(steady(10), [30, 60])
    mixed = after.sample(frac=1, random_state=0)
    for told in (steady_one.predict, steady_one.predict_quantiles, steady_one.predict_path):
        every = told(after)
        np.testing.assert_allclose(told(mixed), every[mixed.index.to_numpy()], rtol=1e-10)
        np.testing.assert_allclose(told(after.iloc[7:8]), every[7:8], rtol=1e-10)


def test_it_is_stored_and_read_back_the_same(steady_one: Any) -> None:
    """Through the model file, with our list of types, it answers as before."""
    content, _ = to_bytes(steady_one, OURS)
    stored = open_model(content, OURS, "demand")
    after = lines(steady(10), [60])
    np.testing.assert_allclose(stored.predict(after), steady_one.predict(after), rtol=1e-10)
    np.testing.assert_allclose(stored.predict_quantiles(after), steady_one.predict_quantiles(after), rtol=1e-10)
    np.testing.assert_allclose(stored.predict_path(after), steady_one.predict_path(after), rtol=1e-10)


def test_odd_histories_are_answered(steady_one: Any) -> None:
    """New series, gaps, silence and a cover beyond the horizon get finite answers; where nothing is known, NaN."""
    season = steady(1)[0]
    gaps = np.where(np.arange(72) % 5 == 0, np.nan, season)
    known = [season[:1], season[:3], gaps, np.zeros(40), np.r_[np.full(20, np.nan), season[:30]], season]
    histories = [*(series_of("month", FIRST, values) for values in known), series_of("month", FIRST, []), None]
    odd = pd.DataFrame({"history": histories, "cover": [1, 3, 6, 12, 24, np.nan, 3, 3]})
    said, quantiles = steady_one.predict(odd), steady_one.predict_quantiles(odd)
    assert np.isfinite(said[:6]).all()
    assert np.isfinite(quantiles[:6]).all()
    assert np.isnan(said[6:]).all()
    assert np.isnan(quantiles[6:]).all()
    assert said[4] > 12 * season[:30].mean()
    assert steady_one.predict_path(odd).shape == (8, 12, 8)


def test_models_of_each_series_keep_the_same_manner() -> None:
    """The statistical forecaster beats the season before too, by row alone, read back the same, with odd histories."""
    values = steady(10)
    model = fitted_to(StatisticalForecaster(windows=80), values)
    after = lines(values, [60, 66])
    said, came = model.predict(after), after["demand"]
    assert np.abs(said - came).sum() < np.abs(fitted_to(ALL["naive"], values).predict(after) - came).sum()
    stored = open_model(to_bytes(model, OURS)[0], OURS, "demand")
    np.testing.assert_allclose(stored.predict_quantiles(after.iloc[7:8]), model.predict_quantiles(after)[7:8])
    told = [series_of("month", FIRST, row) for row in (values[0, :2], np.zeros(30), scarce(1)[0])]
    odd = pd.DataFrame({"history": [*told, None], "cover": 3})
    assert np.isfinite(model.predict(odd)).tolist() == [True, True, True, False]


@pytest.mark.parametrize("plain", [BOOSTED, ALL["torch"]], ids=["boosted", "torch"])
def test_learning_twice_is_learning_once(plain: Forecaster) -> None:
    """The same histories and seed give the same model."""
    one, two = (fitted_to(plain, scarce(40)) for _ in range(2))
    after = lines(scarce(40), [60])
    np.testing.assert_array_equal(one.predict_quantiles(after), two.predict_quantiles(after))


def test_it_has_scikit_learns_manners(steady_one: Any) -> None:
    """It is a regressor, can be cloned with its settings, and knows the columns it learned from."""
    assert is_regressor(steady_one)
    assert clone(steady_one).get_params() == steady_one.get_params()
    assert not hasattr(clone(steady_one), "errors_")
    assert list(steady_one.feature_names_in_) == FEATURES
    assert steady_one.quantiles_.tolist() == [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
    assert steady_one.predict(lines(steady(40), [60]).iloc[:0]).shape == (0,)


def test_it_says_what_is_missing_to_learn() -> None:
    """Histories of one period hold nothing to learn from."""
    past = lines(steady(5), [1])
    with pytest.raises(TrainingError, match="found 0 windows in 5 histories; it needs 20"):
        SeasonalNaive().fit(past[FEATURES], past["demand"])


def test_forecasts_follow_new_history_without_learning_anew(steady_one: Any) -> None:
    """A series that has doubled for a year is forecast at about twice what it was."""
    values = steady(20, seed=3)
    doubled = np.where(np.arange(72) >= 48, 2 * values, values)
    before, after = (steady_one.predict(lines(each, [60])) for each in (values, doubled))
    assert np.median(after / before) == pytest.approx(2.0, abs=0.3)


def test_a_stored_network_answers_without_torch(tmp_path: Path) -> None:
    """A worker that only scores loads neither torch nor statsforecast."""
    small = TorchForecaster(windows=300, hidden=8, epochs=1)
    content, _ = to_bytes(fitted_to(small, steady(20)), OURS)
    (tmp_path / "model.skops").write_bytes(content)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from aiops_flows.registry.model_file import open_model\nfrom aiops_flows.registry.trusted import OURS\n"
        "from tests.unit.estimators.demand import lines, steady\n"
        f"model = open_model(Path({str(tmp_path / 'model.skops')!r}).read_bytes(), OURS, 'demand')\n"
        "assert model.predict(lines(steady(3), [60])).shape == (3,)\n"
        "import aiops_flows.estimators.statistical\n"
        "assert not {'torch', 'statsforecast'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
