"""Pictures of a replay as SVG text, which stands in a page without anything from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from aiops_flows.replay.replaying import Side

__all__ = ["pictures"]

_COLOURS = {"present": "#1f5f8b", "candidate": "#c2571a"}
_MARKS = {"promoted": ("o", 3), "refused": ("x", 2), "drift check: drift": ("D", 1), "rolled back": ("v", 0)}


def pictures(sides: Mapping[str, Side]) -> dict[str, str]:
    """Title -> SVG: error against the certified target, coverage, hours of people, what happened, money."""
    drawn: dict[str, Callable[[Axes], None]] = {
        "Wrong among automatic decisions, and the certified target": lambda axes: _errors(axes, sides),
        "Share decided by policy": lambda axes: _lines(axes, sides, "coverage"),
        "Hours of people": lambda axes: _lines(axes, sides, "reviewer_hours"),
        "What happened": lambda axes: _timeline(axes, sides),
    }
    if any(side.total["money_wrong"] is not None for side in sides.values()):
        drawn["Money moved by wrong automatic decisions"] = lambda axes: _lines(axes, sides, "money_wrong")
    return {title: _svg(draw) for title, draw in drawn.items()}


def _svg(draw: Callable[[Axes], None]) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "aiops-flows", "font.size": 9}):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _parts(side: Side) -> pd.DataFrame:
    return side.periods[side.periods["period"] != "all"].reset_index(drop=True)


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype="float64")


def _ticks(axes: Axes, names: list[str]) -> None:
    step = max(1, len(names) // 12)
    axes.set_xticks(range(0, len(names), step), names[::step])


def _errors(axes: Axes, sides: Mapping[str, Side]) -> None:
    for offset, (name, side) in zip((-0.12, 0.12), sides.items(), strict=False):
        rows = _parts(side)
        at = np.arange(len(rows)) + offset
        value, low, high = (_numbers(rows[column]) for column in ("error", "error_low", "error_high"))
        spread = np.nan_to_num(np.vstack([value - low, high - value]).clip(min=0))
        axes.errorbar(at, value, yerr=spread, fmt="o", color=_COLOURS[name], label=f"{name}: by the truth")
        value, low, high = (_numbers(rows[column]) for column in ("audit_estimate", "audit_low", "audit_high"))
        spread = np.nan_to_num(np.vstack([value - low, high - value]).clip(min=0))
        axes.errorbar(
            at + 0.06, value, yerr=spread, fmt="s", markersize=3, alpha=0.45, color=_COLOURS[name],
            label=f"{name}: by the audit lane",
        )  # fmt: skip
        axes.plot(at, _numbers(rows["certified_target"]), linestyle="--", linewidth=1, color=_COLOURS[name])
    axes.set_ylim(bottom=0)
    _ticks(axes, _parts(next(iter(sides.values())))["period"].tolist())
    axes.legend(frameon=False, fontsize=8)


def _lines(axes: Axes, sides: Mapping[str, Side], column: str) -> None:
    for name, side in sides.items():
        rows = _parts(side)
        axes.plot(range(len(rows)), _numbers(rows[column]), marker="o", markersize=3, color=_COLOURS[name], label=name)
    axes.set_ylim(bottom=0)
    _ticks(axes, _parts(next(iter(sides.values())))["period"].tolist())
    if len(sides) > 1:
        axes.legend(frameon=False, fontsize=8)


def _timeline(axes: Axes, sides: Mapping[str, Side]) -> None:
    rows = {what: place for what, (_, place) in _MARKS.items()} | {"alarm raised": 4}
    for name, side in sides.items():
        for what, place in rows.items():
            happened = side.events[side.events["what"] == what]
            moments = happened["at"].dt.tz_localize(None).to_numpy()
            lift = place + (0.15 if name == "candidate" else 0.0)
            mark = _MARKS.get(what, ("^", 0))[0]
            axes.scatter(moments, np.full(len(moments), lift), marker=mark, s=18, color=_COLOURS[name])
    axes.set_yticks(list(rows.values()), list(rows))
    axes.set_ylim(-0.5, 4.6)
