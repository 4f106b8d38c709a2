"""What the rows of a source say about series: which columns they have, and what these mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from aiops_flows.errors import UseCaseError
from aiops_flows.series.history import MOST_VALUES
from aiops_flows.series.periods import EVERY, Every

__all__ = ["SeriesForm"]

_MARKS = {
    **dict.fromkeys(("1", "true", "yes", "y", "t"), True),
    **dict.fromkeys(("0", "false", "no", "n", "f"), False),
}


@dataclass(frozen=True)
class SeriesForm:
    """The columns of rows of which each tells the quantity of one series in one period."""

    key: Sequence[str]
    """The columns that name a series, such as ``["item", "site"]``; also fields of the case."""
    period: str
    """The column of the period: ``2026-03``, ``2026-Q1``, ``2026-W13``, a date or a moment."""
    quantity: str
    """The column of the quantity; an empty one says nothing of it."""
    every: Every
    """How long a period is: hour, day, week, month or quarter; a week begins on Monday unless it is declared as
    ``week-sunday`` or another day."""
    longest: int = 60
    """Periods that a history has at most, the latest ones."""
    past: int = 24
    """Of so many of the latest periods a source that is taken in as history gives lines, to learn from."""
    zone: str = "UTC"
    """Whose clock and calendar the periods follow, such as ``Europe/Berlin``: days then have 23 to 25 hours."""
    negative: bool = False
    """Quantities may be negative, as where returns are netted; the field of the history is then a `SignedHistory`."""
    stockout: str | None = None
    """The column that says that stock was out in a period: demand is then unknown. An empty mark means that it was
    not; 1, true, yes and 0, false, no are understood, any other mark is refused unless it is declared."""
    stockout_marks: Mapping[str, bool] = field(default_factory=dict)
    """Further marks of that column and what they mean, such as ``{"ja": True, "nein": False}``; case is ignored."""
    zeros_left_out: bool = False
    """Sources leave out the periods in which nothing was asked for; else a missing period is a gap."""
    whole: bool = True
    """A delivery has every series of each site that it names (of each value of the key's columns but the first): one
    that had a line for the last period, and has no row now, is told as vanished."""
    history: str = "history"
    """The field of the case that takes the history."""
    cover: str | int = "cover"
    """For how many periods after the history the outcome is: a field of the case, or a number. One period where the
    case has no such field."""
    outcome: str | None = None
    """The output of the model that predicts the total of these periods; by default named like the quantity."""

    def __post_init__(self) -> None:
        if self.every not in EVERY:
            raise UseCaseError(f"SeriesRows: every is {self.every!r}; give one of {list(EVERY)}")
        if not self.key or isinstance(self.key, str):
            raise UseCaseError(f"SeriesRows: key is {self.key!r}; name the columns that tell a series, as a list")
        if not 1 <= self.longest <= MOST_VALUES:
            raise UseCaseError(f"SeriesRows: longest is {self.longest}; a history has 1 to {MOST_VALUES:,} periods")
        if self.past < 1:
            raise UseCaseError(f"SeriesRows: past is {self.past}; history has lines of 1 period at least")
        if self.stockout_marks and self.stockout is None:
            raise UseCaseError("SeriesRows has stockout_marks but no stockout; name the column that holds the marks")
        named = [*self.key, self.period, self.quantity, *([self.stockout] if self.stockout else [])]
        if repeated := sorted({name for name in named if named.count(name) > 1}):
            raise UseCaseError(f"SeriesRows: the columns {repeated} have two meanings; each needs a column of its own")
        try:
            ZoneInfo(self.zone)
        except (ValueError, KeyError, OSError) as fault:
            raise UseCaseError(
                f"SeriesRows: zone is {self.zone!r}; expected a time zone such as Europe/Berlin"
            ) from fault

    @property
    def columns(self) -> list[str]:
        """The columns that every source of such rows has."""
        return [*self.key, self.period, self.quantity, *([self.stockout] if self.stockout else [])]

    @property
    def stockout_meaning(self) -> Mapping[str, bool]:
        """Every known mark of the stock-out column, in lower case, and whether it means that stock was out."""
        declared = {mark.strip().casefold(): bool(out) for mark, out in self.stockout_marks.items()}
        return _MARKS | declared
