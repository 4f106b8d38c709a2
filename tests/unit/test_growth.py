"""No outside text costs more than its length, whatever it is made of (`benchmarks.growth` goes to 15 MB)."""

from __future__ import annotations

import pytest

from aiops_flows.texts.language import languages
from benchmarks.growth import MOST_PER_DOUBLING, PARSERS, Parser, cpu_seconds

SMALL, LARGE, DOUBLINGS = 10_000, 80_000, 3
QUICK = 0.25  # seconds: what is quadratic and takes less for 80 kB is caught by the longer command
TRIES = 3  # other work on the machine makes one measurement in many too long


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_text_costs_what_its_length_costs(parser: Parser) -> None:
    """Eight times the text takes at most 2.3 times the CPU time per doubling."""
    languages(["The model is read before the clock runs."])
    assert [shape for shape in parser.shapes if _grows_too_fast(parser, shape)] == []


def test_what_is_quadratic_is_noticed() -> None:
    """As where the end of an element was looked for at each of its tags."""
    assert _grows_too_fast(Parser("x", lambda text: [text.rfind("xy") for _ in text[::4]], ["a"]), "a")


def _grows_too_fast(parser: Parser, shape: str) -> bool:
    if cpu_seconds(parser, shape, LARGE) < QUICK:
        return False
    for _ in range(TRIES):
        small, large = (cpu_seconds(parser, shape, size, repeats=3) for size in (SMALL, LARGE))
        if large < small * MOST_PER_DOUBLING**DOUBLINGS:
            return False
    return True
