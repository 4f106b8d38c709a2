"""A page that shows a planner one series: its history, what is forecast, what is proposed, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from aiops_flows.series.history import Series, first_of
from aiops_flows.series.periods import Every, label_of

__all__ = ["picture"]

_SHOWN = 120  # periods of the history
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960.0, 340.0, 64.0, 24.0, 20.0, 34.0
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a2430; background: #fff; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem } h1 { font-size: 1.25rem; margin: 0 0 .25rem; overflow-wrap: anywhere }
.why { background: #fff4d6; border-left: 4px solid #b7791f; padding: .5rem .75rem; margin: .75rem 0;
  overflow-wrap: anywhere } svg { width: 100%; height: auto } text { font-size: 12px; fill: #46525f }
table { border-collapse: collapse; margin: .5rem 2rem .5rem 0; display: inline-table; vertical-align: top }
caption { text-align: left; font-weight: 600 } td { text-align: right; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 400 } td, th { padding: .15rem 1rem .15rem 0; border-bottom: 1px solid #e3e8ee }
"""


@dataclass(frozen=True)
class _Plot:
    """Where periods and quantities lie on the drawing."""

    periods: int
    lowest: float
    highest: float

    def x(self, place: float) -> float:
        return _LEFT + (place + 0.5) * (_WIDTH - _LEFT - _RIGHT) / max(self.periods, 1)

    def y(self, quantity: float) -> float:
        share = (quantity - self.lowest) / (self.highest - self.lowest)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def picture(
    title: str,
    history: Series,
    *,
    said: float | None = None,
    scores: Mapping[str, Any] | None = None,
    cover: int = 1,
    terms: Mapping[str, Any] | None = None,
    why: str = "",
) -> str:
    """One HTML page, whole in itself and inert: the history, the fan of quantiles, the proposal and why.

    Args:
        title: what the series is, such as the id of its case.
        history: a `History`.
        said: the expected total of the next ``cover`` periods.
        scores: quantiles of that total by name (``q10``, ``q97_5``), as predictions are stored; and ``path``, the same
            quantiles, ascending, of each of the next periods by itself. Without a path the total is drawn as an even
            share of each period.
        cover: how many periods the total is of.
        terms: what is proposed, such as ``{"level": 140, "order": 120}``.
        why: why a person is asked.
    """
    quantiles = _quantiles(scores or {})
    values = list(history["values"])[-_SHOWN:]
    first = first_of(history) + len(history["values"]) - len(values)
    path = _path(scores or {})
    fan = path or _even_shares(quantiles, said, cover)
    return _PAGE.format(
        title=escape(title),
        style=_STYLE,
        why=f'<p class="why"><b>Why you are asked:</b> {escape(why)}</p>' if why else "",
        drawing=_drawing(values, fan, first, history["every"], sorted(quantiles), shaped=bool(path) or cover == 1),
        tables=_tables(values, said, quantiles, cover, terms or {}),
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{style}</style></head>
<body><h1>{title}</h1>
{why}
{drawing}
{tables}
</body></html>
"""


def _quantiles(scores: Mapping[str, Any]) -> dict[float, float]:
    """Level -> quantile, by name."""
    found = {}
    for name, value in scores.items():
        if name.startswith("q") and name[1:].replace("_", "").isdigit() and _is_number(value):
            found[float(name[1:].replace("_", ".")) / 100] = float(value)
    return dict(sorted(found.items()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _path(scores: Mapping[str, Any]) -> list[list[float]]:
    """The quantiles of each of the next periods by itself, where a prediction has them."""
    path = [list(map(float, step)) for step in scores.get("path") or []]
    whole = all(len(step) == len(path[0]) and all(map(math.isfinite, step)) for step in path)
    return path if whole else []


def _even_shares(quantiles: Mapping[float, float], said: float | None, cover: int) -> list[list[float]]:
    total = list(quantiles.values()) or ([said] if said is not None and _is_number(said) else [])
    return [[value / cover for value in total]] * cover if total else []


def _drawing(
    values: Sequence[float | None],
    fan: Sequence[Sequence[float]],
    first: int,
    every: Every,
    levels: Sequence[float],
    *,
    shaped: bool,
) -> str:
    known = [value for value in values if value is not None] + [value for step in fan for value in step]
    lowest, highest = min([0.0, *known]), max([0.0, *known])
    plot = _Plot(len(values) + len(fan), lowest, highest if highest > lowest else lowest + 1)
    drawn = [*_axes(plot, first, every), *_bands(plot, fan, len(values), levels), *_lines(plot, values)]
    if fan:
        now = plot.x(len(values) - 0.5)
        drawn.append(f'<path d="M{now:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#8896a5" stroke-dasharray="3 4"/>')
        said = "forecast" if shaped else "forecast, in even shares of the total"
        drawn.append(f'<text x="{_WIDTH - _RIGHT}" y="{_TOP - 8}" text-anchor="end">{said}</text>')
    label = "The history of the series, and the quantiles of its forecast"
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'


def _axes(plot: _Plot, first: int, every: Every) -> list[str]:
    drawn = []
    for quantity in _ticks(plot.lowest, plot.highest):
        y = plot.y(quantity)
        drawn.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#e3e8ee"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(quantity)}</text>')
    step = max(1, math.ceil(plot.periods / 9))
    for place in range(0, plot.periods, step):
        x = plot.x(place)
        name = escape(label_of(first + place, every))
        drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{name}</text>')
    return drawn


def _ticks(lowest: float, highest: float) -> list[float]:
    """About five round numbers between two others."""
    rough = (highest - lowest) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(times * size for times in (1, 2, 5, 10) if times * size >= rough * 0.999)
    return [number * step for number in range(math.ceil(lowest / step), math.floor(highest / step) + 1)]


def _bands(plot: _Plot, fan: Sequence[Sequence[float]], begin: int, levels: Sequence[float]) -> list[str]:
    """For each period the ranges between outer and inner quantiles, and the middle one as a line."""
    width = len(fan[0]) if fan else 0
    drawn = []
    for at, step in enumerate(fan):
        left, right = plot.x(begin + at - 0.46), plot.x(begin + at + 0.46)
        for low in range(width // 2):
            high = width - 1 - low
            named = (
                f"<title>{_percent(levels[low])} to {_percent(levels[high])}</title>" if len(levels) == width else ""
            )
            top, size = plot.y(step[high]), max(plot.y(step[low]) - plot.y(step[high]), 0.0)
            place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{size:.1f}"'
            drawn.append(f'<rect {place} fill="#2b6cb0" opacity=".17">{named}</rect>')
        y = plot.y(step[width // 2])
        drawn.append(f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="#1d4e89" stroke-width="2.5"/>')
    return drawn


def _lines(plot: _Plot, values: Sequence[float | None]) -> list[str]:
    """The history: a line where values follow each other, a dot for each, a cross on the ground for a gap."""
    drawn, run = [], list[str]()
    for place, value in enumerate([*values, None]):
        if value is not None:
            run.append(f"{plot.x(place):.1f},{plot.y(value):.1f}")
            drawn.append(f'<circle cx="{plot.x(place):.1f}" cy="{plot.y(value):.1f}" r="2.4" fill="#1a2430"/>')
            continue
        if len(run) > 1:
            drawn.append(f'<polyline points="{" ".join(run)}" fill="none" stroke="#1a2430" stroke-width="1.4"/>')
        run = []
        if place < len(values):
            ground = f'x="{plot.x(place):.1f}" y="{plot.y(max(plot.lowest, 0.0)):.1f}"'
            drawn.append(
                f'<text {ground} text-anchor="middle" style="fill:#b7791f">&#215;<title>not known</title></text>'
            )
    return drawn


def _tables(
    values: Sequence[float | None],
    said: float | None,
    quantiles: Mapping[float, float],
    cover: int,
    terms: Mapping[str, Any],
) -> str:
    known = [value for value in values if value is not None]
    lately = [value for value in values[-12:] if value is not None]
    history: dict[str, float] = {"periods shown": len(values), "of these known": len(known)}
    if lately:
        history |= {"last known": known[-1], "mean of the last 12": math.fsum(lately) / len(lately)}
    forecast: dict[str, Any] = {"expected": said} if said is not None else {"expected": "no forecast"}
    forecast |= {f"{_percent(level)} chance of at most": value for level, value in quantiles.items()}
    periods = f"Next {cover} periods together" if cover > 1 else "Next period"
    proposed = {name: value for name, value in terms.items() if value not in {None, ""}}
    return _table("Proposed", proposed) + _table(periods, forecast) + _table("History", history)


def _table(name: str, facts: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><th>{escape(str(what))}</th><td>{escape(_number(it))}</td></tr>" for what, it in facts.items())
    return f"<table><caption>{escape(name)}</caption>{rows}</table>" if facts else ""


def _percent(level: float) -> str:
    return f"{round(100 * level, 8):g} %"


def _number(value: Any) -> str:
    if not _is_number(value):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 or float(value).is_integer() else f"{value:,.4g}"
