"""Forecasts of items, and of the groups that they add up to: sums that agree, and totals spread over items.

The rows of a hierarchy are its groups first, in the order of `groups_of`, and then its items. Expected values add up;
quantiles do not, since not all items have a bad month at once: of a total forecast its own quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["bottom_up", "disagreement", "groups_of", "reconcile", "spread", "totals"]

Floats = NDArray[np.float64]


def totals(items: pd.DataFrame, column: str, levels: Sequence[Sequence[str]]) -> pd.DataFrame:
    """The sums of a column by every level, one row a group; they agree, since all are sums of the same items.

    Columns: all that name groups (missing where a level is not grouped by one), the column's sum, ``items`` (how many
    are in the group) and ``unknown`` (how many of them have no value and are not in the sum).

    Args:
        items: one row an item.
        column: what is summed.
        levels: columns to group by, such as ``[[], ["site"], ["site", "family"]]``; ``[]`` is the total of all.
    """
    names = list(dict.fromkeys(name for level in levels for name in level))
    parts = [_sums(items, column, list(level)) for level in levels]
    together = pd.concat(parts, ignore_index=True)
    return together.reindex(columns=[*names, column, "items", "unknown"])


def _sums(items: pd.DataFrame, column: str, level: list[str]) -> pd.DataFrame:
    keys: Any = level or np.zeros(len(items), dtype=int)
    values = items[column].groupby([items[name] for name in level] if level else keys, dropna=False)
    sums = pd.DataFrame({column: values.sum(), "items": values.size(), "unknown": values.size() - values.count()})
    return sums.reset_index(drop=not level)


def groups_of(
    items: Mapping[str, Sequence[Any]] | pd.DataFrame, levels: Sequence[Sequence[str]]
) -> tuple[list[dict[str, Any]], Floats]:
    """The groups of every level, each as what it is grouped by, and which items they hold: 1 or 0, one row a group.

    Args:
        items: columns with one entry an item.
        levels: columns to group by; ``[]`` is the total of all. The items themselves are no level.
    """
    frame = pd.DataFrame(items)
    groups: list[dict[str, Any]] = []
    held: list[Floats] = [np.empty((0, len(frame)))]
    for level in levels:
        if not level:
            groups.append({})
            held.append(np.ones((1, len(frame))))
            continue
        codes, names = pd.factorize(pd.MultiIndex.from_frame(frame[list(level)]))
        groups += [dict(zip(level, name, strict=True)) for name in names]
        held.append((codes == np.arange(len(names))[:, None]).astype(np.float64))
    return groups, np.concatenate(held)


def bottom_up(items: ArrayLike, summing: Floats) -> Floats:
    """Forecasts of the items with their sums above them: the rows of groups, then the items."""
    values = np.asarray(items, np.float64)
    together: Floats = np.concatenate([summing @ values, values])
    return together


def disagreement(values: ArrayLike, summing: Floats) -> float:
    """The largest distance between a group and the sum of its items, as a share of the largest group's size."""
    given = np.asarray(values, np.float64)
    groups, items = given[: len(summing)], given[len(summing) :]
    scale = max(float(np.abs(groups).max(initial=0.0)), np.finfo(np.float64).tiny)
    return float(np.abs(groups - summing @ items).max(initial=0.0)) / scale


def reconcile(
    base: ArrayLike,
    summing: Floats,
    method: Literal["wls", "ols"] = "wls",
    *,
    variances: ArrayLike | None = None,
    negative: bool = False,
) -> Floats:
    """Forecasts nearest to the given ones whose sums agree: each gives way by how uncertain it is.

    Forecasts of groups see what no item shows, forecasts of items see what the groups blur; both are used. ``ols``
    lets all give way alike (Hyndman, Ahmed, Athanasopoulos and Shang 2011), ``wls`` by the variance of their errors
    (Wickramasuriya, Athanasopoulos and Hyndman 2019), or, where no variances are given, by the number of items in each.

    Args:
        base: forecasts made each by itself, the groups first, then the items; one row each, further axes are periods.
        summing: which items a group holds, from `groups_of`.
        method: how much each forecast gives way.
        variances: of the errors of each row of ``base``, above 0; for ``wls``.
        negative: whether an item may be below 0; otherwise it is set to 0, and the sums are made of that.

    Raises:
        ValueError: other numbers of rows than groups and items, or a variance that is not above 0.
    """
    given = np.asarray(base, np.float64)
    groups, items = summing.shape
    weights = _weights(summing, method, variances)
    if len(given) != groups + items or len(weights) != groups + items or not (weights > 0).all():
        raise ValueError(
            f"{len(given)} forecasts and {len(weights)} variances for {groups} groups and {items} items: expected one "
            "a group and then one an item, the variances above 0"
        )
    gap = given[:groups] - np.tensordot(summing, given[groups:], axes=1)
    above, below = weights[:groups], weights[groups:]
    pull = np.linalg.solve(np.diag(above) + (summing * below) @ summing.T, gap.reshape(groups, -1))
    moved = (below[:, None] * (summing.T @ pull)).reshape(given[groups:].shape)
    found = given[groups:] + moved
    return bottom_up(found if negative else np.maximum(found, 0.0), summing)


def _weights(summing: Floats, method: str, variances: ArrayLike | None) -> Floats:
    if method == "ols":
        return np.ones(sum(summing.shape))
    if variances is not None:
        return np.asarray(variances, np.float64)
    return np.concatenate([np.maximum(summing.sum(axis=1), 1.0), np.ones(summing.shape[1])])


def spread(total: float, shares: ArrayLike, pack: ArrayLike = 1.0) -> Floats:
    """A total that people have set, spread over items by their shares, in whole packs.

    Each item gets the packs that its share fills; what is left goes pack by pack to the items whose next pack is
    fullest (Hamilton's method of largest remainders). The sum is never above the total, and what is left of it fills
    no pack.

    Args:
        total: pieces to spread, 0 or more.
        shares: one an item, 0 or more, in any unit: usual or expected demand.
        pack: pieces a pack, one for all or one an item.

    Raises:
        ValueError: a total, share or pack that cannot be spread by.
    """
    weights = np.asarray(shares, np.float64)
    packs = np.broadcast_to(np.asarray(pack, np.float64), weights.shape)
    largest = float(weights.max(initial=0.0))
    if not (total >= 0 and (weights >= 0).all() and 0 < largest < np.inf and (packs > 0).all()):
        raise ValueError("a total is spread by shares of 0 or more, one of them above 0, in packs above 0")
    parts = weights / largest
    wanted = total * (parts / parts.sum()) / packs
    given = np.floor(wanted + 1e-9)
    order = np.lexsort((-weights, given - wanted))
    order = order[weights[order] > 0]
    left = total - float(given @ packs)
    while (fits := packs[order] <= left + 1e-9 * total).any():
        for item in order[fits]:
            if packs[item] <= left + 1e-9 * total:
                given[item] += 1
                left -= packs[item]
    pieces: Floats = given * packs
    return pieces
