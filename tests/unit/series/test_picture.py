"""The page that shows a planner one series."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from aiops_flows.series.history import Series, series_of
from aiops_flows.series.picture import picture


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data.strip())


HISTORY = series_of("month", 660, [3.0, None, 5.0, 4.0, 1_234.5])
SCORES = {"q10": 3.0, "q50": 6.0, "q97_5": 9.0, "path": [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]}


def test_a_picture_shows_history_forecast_proposal_and_why() -> None:
    """Every period, quantile and term stands on the page, and a gap is marked as one."""
    page = Elements(
        picture("part-7", HISTORY, said=6.25, scores=SCORES, cover=2, terms={"order": 12}, why="level jumped")
    )
    assert {"part-7", "level jumped", "6.25", "97.5 % chance of at most", "9", "order", "12", "not known"} <= set(
        page.texts
    )
    assert {"2025-01", "2025-07", "1,234", "forecast", "Next 2 periods together"} <= set(page.texts)
    assert (page.names.count("circle"), page.names.count("rect")) == (4, 2)


def test_a_picture_is_inert() -> None:
    """Whatever a case holds is shown as text: no script, no link, no image, nothing from elsewhere."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>{title}'
    page = picture(evil, HISTORY, terms={evil: evil}, why=evil)
    found = Elements(page)
    assert {"script", "img", "a", "link", "iframe"}.isdisjoint(found.names)
    assert not [name for name in found.attributes if name.startswith("on") or name in {"href", "src"}]
    assert "default-src 'none'" in page
    assert evil in found.texts


@pytest.mark.parametrize(
    "history", [series_of("hour", 480_000, []), series_of("week", 2_000, [None]), series_of("day", 0, [0.0] * 500)]
)
def test_a_picture_can_be_drawn_of_nothing(history: Series) -> None:
    """Without history, forecast or proposal there is still a page; a total without a path is drawn in even shares."""
    assert "no forecast" in picture("new", history)
    assert "even shares" in picture("new", history, said=4.0, cover=3)
    assert "</html>" in picture(
        "new", history, said=float("nan"), scores={"q50": float("nan"), "path": [[float("inf")]]}
    )
