"""Pictures of a version's quality, for people who look at it in the MLflow UI."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from aiops_flows.gates import Scored
from aiops_flows.use_case import ModelSpec

__all__ = ["figures_of"]

_BINS = 10
_TICKS = (0.0, 0.5, 1.0)  # each tick costs a millisecond, and so does each line of a grid
_LEGEND = "upper left"  # where neither picture has much; looking for the best place costs more than drawing


def figures_of(spec: ModelSpec, truth: np.ndarray[Any, Any], scores: Mapping[str, Scored]) -> dict[str, bytes]:
    """PNG pictures by name: calibration of classes; predicted against true of quantities, and their quantiles."""
    if spec.kind == "writer":
        return {}
    if spec.kind == "regressor":
        pictures = {"predicted_against_true.png": _predicted_against_true(truth, scores)}
        return pictures | ({"quantiles.png": _quantiles(truth, scores)} if spec.quantiles else {})
    return {"calibration.png": _calibration(truth.astype(str), scores)}


def _calibration(truth: np.ndarray[Any, Any], scores: Mapping[str, Scored]) -> bytes:
    """How often the predicted class was right, by the confidence given to it."""
    figure, axes = _empty("confidence in the predicted class", "share that was right")
    axes.set_xticks(_TICKS)
    axes.set_yticks(_TICKS)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="perfect")
    for who, said in scores.items():
        if said.probabilities is None:
            continue
        confidence, right = said.probabilities.max(axis=1), np.equal(np.asarray(said.values), truth)
        bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
        filled = [number for number in range(_BINS) if (bins == number).any()]
        axes.plot(
            [confidence[bins == number].mean() for number in filled],
            [right[bins == number].mean() for number in filled],
            marker="o",
            label=who,
        )
    axes.legend(loc=_LEGEND)
    return _png(figure)


def _predicted_against_true(truth: np.ndarray[Any, Any], scores: Mapping[str, Scored]) -> bytes:
    """Mean of what came true, by tenths of what was predicted."""
    figure, axes = _empty("predicted (mean of each tenth)", "true (mean of each tenth)")
    axes.locator_params(nbins=len(_TICKS))
    for who, said in scores.items():
        predicted = np.asarray(said.values, dtype=float)
        order = np.argsort(predicted, kind="stable")
        tenths = [part for part in np.array_split(order, _BINS) if len(part)]
        axes.plot(
            [predicted[part].mean() for part in tenths],
            [truth[part].mean() for part in tenths],
            marker="o",
            label=who,
        )
    axes.legend(loc=_LEGEND)
    return _png(figure)


def _quantiles(truth: np.ndarray[Any, Any], scores: Mapping[str, Scored]) -> bytes:
    """How many truths were at most each quantile, by its level."""
    figure, axes = _empty("level of the quantile", "share of truths up to it")
    axes.set_xticks(_TICKS)
    axes.set_yticks(_TICKS)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="perfect")
    for who, said in scores.items():
        if said.quantiles is not None:
            axes.plot(said.levels, (truth[:, None] <= said.quantiles).mean(axis=0), marker="o", label=who)
    axes.legend(loc=_LEGEND)
    return _png(figure)


def _empty(across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4))
    axes = figure.add_axes((0.15, 0.13, 0.82, 0.84))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def _png(figure: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=80)
    return picture.getvalue()
