"""Columns that give the outcome away, as columns do that are filled in when a case is closed.

A column is set aside where it is better, alone, than honest columns are: of seven outcomes in four public tables, the
best honest column had an area under the curve of 0.95 in one and of 0.90 at most in the others; of three quantities, a
correlation of 0.65. Two signs together, a figure and a name that speaks of closing or of the outcome itself, need less
than a figure alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from aiops_flows.starting.columns import Column
from aiops_flows.starting.outcome import Outcome

__all__ = ["Tables", "names_outcome", "numbers_rows", "parts_of_sum", "siblings", "why_gaps_leak", "why_it_leaks"]

_AUC = 0.98
_AUC_OF_GAPS = 0.95
_AUC_WITH_A_NAME = 0.9
_CORRELATION = 0.95
_CORRELATION_WITH_A_NAME = 0.85
_EXPLAINED = 0.995
_NEEDED = 0.001
_MOST_ROWS = 4_000
_PARTS = 3
_FEW_VALUES = 20
_FEWEST = 10
_FEWEST_PRESENT = 60
_PURE = 0.99
_BY_CHANCE = 1e-9
_NEARLY_ALL_ROWS = 0.99
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d[\d.,]*")
_AT_THE_END = re.compile(
    r"(?:^|_)(?:clos(?:e|ed|ing|ure)|resol(?:ve|ved|ution)|settle(?:d|ment)?|decided|decision|final|payout|paid|outcome|"
    r"result|verdict|disposition|approved|granted|refund(?:ed)?|recovered|erledigt|abschluss|ergebnis|entscheidung|"
    r"bezahlt|ausgezahlt|resultat|resultado|cierre|cloture)(?:_|$)"
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """The past rows as texts by column, and what became of them."""

    values: Mapping[str, Sequence[str]]
    """Field -> its values; an empty text where one is missing."""
    truth: Sequence[str]
    outcome: Outcome


def why_it_leaks(column: Column, tables: Tables) -> str:
    """Why a column alone leaves almost nothing of the outcome open, with the figure; empty where it does not.

    Of classes: the area under the curve of one class against the others, of a small tree (or of the shares of a label)
    on rows left out: of the column, of the column where it is filled in, and of whether it is filled in. Or one of a
    few values comes with one and the same rare class, as a cause does that is noted after the failure.
    Of a quantity: the correlation of its ranks with those of the outcome, on rows left out; and the area under the
    curve of the rows in which the outcome is the lowest, such as 0.
    """
    values, truth = list(tables.values[column.name]), list(tables.truth)
    if column.distinct < 2 and not column.missing:
        return ""
    named = _speaks_of_the_end(column, tables.outcome)
    if tables.outcome.kind == "quantity":
        return why_gaps_leak(column, tables) or _why_of_quantity(column, values, truth, named=named)
    few = column.distinct <= _FEW_VALUES
    return _why_of_classes(column, values, truth, named=named) or (_one_value_tells(values, truth) if few else "")


def _why_of_classes(column: Column, values: list[str], truth: list[str], *, named: bool) -> str:
    step = max(1, len(values) // _MOST_ROWS)
    values, truth = values[::step], truth[::step]
    least = _AUC_WITH_A_NAME if named else _AUC
    best = _best_class(column, values, truth)
    if best.auc >= least:
        return f'alone it tells "{best.name}" from the rest (AUC {best.auc:.2f} on rows left out{_as_named(named)})'
    if gaps := _why_gaps(values, truth, named=named):
        return gaps
    present = [place for place, value in enumerate(values) if value]
    if _FEWEST_PRESENT <= len(present) < len(values):
        best = _best_class(column, [values[place] for place in present], [truth[place] for place in present])
        if best.auc >= least:
            return (
                f'where it is filled in, alone it tells "{best.name}" from the rest '
                f"(AUC {best.auc:.2f} on rows left out{_as_named(named)})"
            )
    return ""


def why_gaps_leak(column: Column, tables: Tables) -> str:
    """Why it gives the outcome away whether a column is filled in, with the figure; empty where it does not."""
    truth = list(tables.truth)
    if tables.outcome.kind == "quantity":
        lowest = min(map(float, truth))
        truth = [f"{lowest:g}" if float(value) == lowest else "more" for value in truth]
    named = _speaks_of_the_end(column, tables.outcome)
    return _why_gaps(list(tables.values[column.name]), truth, named=named)


def _why_gaps(values: Sequence[str], truth: Sequence[str], *, named: bool) -> str:
    gaps = np.array([not value for value in values])
    names = _judgeable(truth)
    if not names or gaps.all() or not gaps.any():
        return ""
    aucs = {name: float(roc_auc_score([value == name for value in truth], gaps)) for name in names}
    best = max(aucs, key=lambda name: max(aucs[name], 1 - aucs[name]))
    auc = max(aucs[best], 1 - aucs[best])
    if auc < (_AUC_WITH_A_NAME if named else _AUC_OF_GAPS):
        return ""
    return f'whether it is filled in tells "{best}" from the rest (AUC {auc:.2f}{_as_named(named)})'


def _why_of_quantity(column: Column, values: list[str], truth: list[str], *, named: bool) -> str:
    step = max(1, len(values) // _MOST_ROWS)
    values, amounts = values[::step], np.array([float(value) for value in truth[::step]])
    present = [place for place, value in enumerate(values) if value]
    if len(present) < _FEWEST_PRESENT:
        return ""
    correlation = _correlation(column, [values[place] for place in present], amounts[present])
    if correlation >= (_CORRELATION_WITH_A_NAME if named else _CORRELATION):
        return (
            f"its ranks go with those of the outcome (correlation {correlation:.2f} on rows left out{_as_named(named)})"
        )
    lowest = amounts == amounts.min()
    if _FEWEST <= lowest.sum() <= len(amounts) - _FEWEST:
        sides = ["lowest" if low else "more" for low in lowest]
        best = _best_class(column, values, sides)
        if best.auc >= (_AUC_WITH_A_NAME if named else _AUC):
            return f"alone it tells where the outcome is {amounts.min():g} (AUC {best.auc:.2f}{_as_named(named)})"
    return ""


def _as_named(named: bool) -> str:
    return ", and its name speaks of the outcome" if named else ""


def _speaks_of_the_end(column: Column, outcome: Outcome) -> bool:
    """Whether a column is called like the outcome, or like what is known when a case is closed."""
    if _AT_THE_END.search(column.name):
        return True
    words = set(outcome.name.split("_")) - {""}
    return len(outcome.name) > 2 and words <= set(column.name.split("_"))


@dataclass(frozen=True)
class _Class:
    """The class that a column tells best."""

    name: str = ""
    auc: float = 0.0


def _best_class(column: Column, values: Sequence[str], truth: Sequence[str]) -> _Class:
    """The class that a column tells best from the others, on rows left out."""
    counts = {name: truth.count(name) for name in set(truth)}
    frequent = _judgeable(truth)
    if not frequent:
        return _Class()
    codes = np.array([{name: place for place, name in enumerate(counts)}[name] for name in truth])
    scores = np.zeros((len(truth), len(counts)))
    fold = StratifiedKFold(_PARTS, shuffle=True, random_state=0) if min(counts.values()) >= _PARTS else KFold(_PARTS)
    seen = _inputs(column, values)
    for train, test in fold.split(seen, codes):
        scores[test] = _scores_of(column, seen[train], codes[train], seen[test], len(counts))
    return _best_of(scores, list(counts), truth, frequent)


def _judgeable(truth: Sequence[str]) -> list[str]:
    """The classes with ten rows or more, beside ten rows of others."""
    counts = {name: truth.count(name) for name in set(truth)}
    return [name for name, rows in counts.items() if _FEWEST <= rows <= len(truth) - _FEWEST]


def _scores_of(column: Column, seen: Floats, codes: npt.NDArray[np.int64], new: Floats, classes: int) -> Floats:
    """How probable each class is for new values of a column: shares of a label, or what a small tree says."""
    if column.holds in {"label", "text"}:
        table = np.zeros((int(max(seen.max(), new.max())) + 1, classes))
        np.add.at(table, (seen[:, 0].astype(int), codes), 1)
        base = np.bincount(codes, minlength=classes) / len(codes)
        shares = (table + base) / (table.sum(axis=1, keepdims=True) + 1)
        probable: Floats = shares[new[:, 0].astype(int)]
        return probable
    tree = DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=3, random_state=0).fit(seen, codes)
    scores = np.zeros((len(new), classes))
    scores[:, tree.classes_] = tree.predict_proba(new)
    return scores


def _best_of(scores: Floats, names: Sequence[str], truth: Sequence[str], frequent: Sequence[str]) -> _Class:
    aucs = {
        name: float(roc_auc_score([value == name for value in truth], scores[:, names.index(name)]))
        for name in frequent
    }
    best = max(aucs, key=lambda name: aucs[name])
    return _Class(best, aucs[best])


def _correlation(column: Column, values: Sequence[str], amounts: Floats) -> float:
    """Correlation of the outcome's ranks with what a column says of them on rows left out."""
    ranks = rankdata(amounts)
    seen = _inputs(column, values)
    said = np.zeros(len(ranks))
    for train, test in KFold(_PARTS, shuffle=True, random_state=0).split(seen):
        if column.holds in {"label", "text"}:
            means = pd.Series(ranks[train]).groupby(seen[train, 0]).mean()
            said[test] = pd.Series(seen[test, 0]).map(means).fillna(ranks[train].mean()).to_numpy()
        else:
            tree = DecisionTreeRegressor(max_leaf_nodes=64, min_samples_leaf=3, random_state=0)
            said[test] = tree.fit(seen[train], ranks[train]).predict(seen[test])
    if np.ptp(said) == 0 or np.ptp(ranks) == 0:
        return 0.0
    return abs(float(np.corrcoef(said, ranks)[0, 1]))


def _inputs(column: Column, values: Sequence[str]) -> Floats:
    """The values as one column of numbers: labels by an arbitrary code, what is missing below all."""
    if column.holds in {"label", "text"}:
        return pd.factorize(np.array(values, dtype=object))[0].astype(np.float64).reshape(-1, 1)
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce").fillna(-1e30)
    return numbers.to_numpy(dtype=np.float64).reshape(-1, 1)


def _one_value_tells(values: Sequence[str], outcomes: Sequence[str]) -> str:
    """Whether a value that is not the usual one has almost only one class, which most rows do not have."""
    table = pd.crosstab(pd.Series(list(values)), pd.Series(list(outcomes)))
    held, base = table.sum(axis=1).to_numpy(), table.sum(axis=0).to_numpy() / len(values)
    which = table.to_numpy().argmax(axis=1)
    pure = table.to_numpy().max(axis=1) >= _PURE * held
    rare = (base[which] < 0.5) & (base[which] ** held < _BY_CHANCE)
    telling = pure & rare & (held >= _FEWEST) & (held < len(values) / 2)
    if not telling.any():
        return ""
    place = int(np.flatnonzero(telling)[0])
    share = table.to_numpy().max(axis=1)[place] / held[place]
    return f'{share:.0%} of its {held[place]} rows with "{table.index[place]}" are "{table.columns[which[place]]}"'


def siblings(columns: Sequence[Column], tables: Tables) -> dict[str, str]:
    """Columns of 0 and 1 that are the other values of a list of which the outcome is one: never two are 1 at once."""
    outcome = tables.outcome
    if outcome.kind != "classes" or not set(outcome.classes) <= {"0", "1"}:
        return {}
    yes = np.array([value == "1" for value in tables.truth])
    marks = {each.name: marked for each in columns if (marked := _marks(tables.values[each.name])) is not None}
    exclusive = {
        name: marked
        for name, marked in marks.items()
        if not (marked & yes).any() and (1 - yes.mean()) ** marked.sum() < _BY_CHANCE**0.5
    }
    group = _never_together(exclusive)
    covered = yes | np.any([exclusive[name] for name in group], axis=0) if group else yes
    if len(group) < 2 or covered.mean() < _NEARLY_ALL_ROWS:
        return {}
    reason = f"with {len(group) - 1} more columns and the outcome it is one list, of which each row has one ({{:.1%}})"
    return dict.fromkeys(group, reason.format(covered.mean()))


def _marks(values: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """Where a column of 0 and 1 is 1; None of other columns."""
    kinds = {value.removesuffix(".0") for value in set(values)}
    return np.array([value.removesuffix(".0") == "1" for value in values]) if kinds == {"0", "1"} else None


def _never_together(marks: Mapping[str, npt.NDArray[np.bool_]]) -> list[str]:
    """The largest columns first, those of which no two are 1 in one row."""
    group: list[str] = []
    for name in sorted(marks, key=lambda each: -int(marks[each].sum())):
        if not any((marks[name] & marks[other]).any() for other in group):
            group.append(name)
    return group


def parts_of_sum(columns: Sequence[Column], tables: Tables) -> dict[str, str]:
    """Columns of numbers that add up to the outcome, as parts of an amount do."""
    if tables.outcome.kind != "quantity":
        return {}
    numeric = [each.name for each in columns if each.holds in {"number", "whole number"} and each.distinct > 1]
    step = max(1, len(tables.truth) // _MOST_ROWS)
    amounts = np.array([float(value) for value in tables.truth[::step]])
    seen = pd.DataFrame({name: pd.to_numeric(pd.Series(tables.values[name][::step])) for name in numeric}).fillna(0.0)
    if len(numeric) < 2 or _explained(seen, amounts) < _EXPLAINED:
        return {}
    whole = _explained(seen, amounts)
    needed = [name for name in numeric if whole - _explained(seen.drop(columns=name), amounts) > _NEEDED]
    reason = f"with {len(needed) - 1} more columns it adds up to the outcome (R² {whole:.3f})"
    return dict.fromkeys(needed, reason) if len(needed) > 1 else {}


def _explained(seen: pd.DataFrame, amounts: Floats) -> float:
    """The share of the outcome's variance that a weighted sum explains."""
    if np.ptp(amounts) == 0:
        return 0.0
    return float(LinearRegression().fit(seen, amounts).score(seen, amounts))


def numbers_rows(column: Column, values: Sequence[str]) -> bool:
    """Whether a column only counts the rows: whole numbers without a gap, none twice."""
    if column.holds != "whole number" or column.distinct != len(values):
        return False
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce")
    return bool(numbers.max() - numbers.min() + 1 == len(values))


def names_outcome(texts: Sequence[str], told: Sequence[str], outcome: Outcome) -> float:
    """The share of texts in which their own outcome stands word for word; 0 where chance explains half of it.

    Chance is what they name of outcomes that are dealt out anew; an amount stands in a text as a number.
    """
    some = [(text, name) for text, name in zip(texts, told, strict=True) if text]
    if outcome.kind == "quantity":
        some = [(text, name) for text, name in some if float(name)]  # a 0 stands for nothing that was paid
        held, names = [_amounts(text) for text, _ in some], [float(name) for _, name in some]
        return _beyond_chance(held, names)
    return _beyond_chance([_plain(text) for text, _ in some], [_plain(name) for _, name in some])


def _beyond_chance(held: Sequence[Any], names: Sequence[Any]) -> float:
    """In which share a row's name is held, where that is more than if the names were dealt out anew."""
    if not names:
        return 0.0
    others = np.random.default_rng(0).permutation(len(names))
    own = np.mean([name in each for each, name in zip(held, names, strict=True)])
    chance = np.mean([names[other] in each for each, other in zip(held, others, strict=True)])
    explained = chance == 1 or (own - chance) / (1 - chance) < own / 2
    return 0.0 if explained else float(own)


def _plain(text: str) -> str:
    """Words in lower case between single blanks, so that one stands in another only as whole words."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _amounts(text: str) -> set[float]:
    """The numbers of a text, with a point or a comma before the decimals."""
    found = set()
    for number in _NUMBER.findall(text):
        for written in (number.replace(",", ""), number.replace(".", "").replace(",", ".")):
            try:
                found.add(float(written.rstrip(".")))
            except ValueError:
                continue
    return found
