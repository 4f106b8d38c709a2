"""What a certificate is bound to: a rule is another one when anything that it says or uses is another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.rule_text import rule_text
from aiops_flows.use_case import ReviewPolicy

RULE = {
    "constant": "LIMIT = {}\nrule = lambda orders: orders.amount < LIMIT",
    "collection": "LIMITS = {{'north': ({}, 2)}}\nrule = lambda orders: orders.amount < LIMITS['north'][0]",
    "set": "REGIONS = {{'a', 'b', 'c', '{}'}}\nrule = lambda orders: orders.region.isin(REGIONS)",
    "second line": "rules = {{\n  'yes': lambda orders: (orders.region == 'north')\n    & (orders.amount < {}),\n}}\n"
    "rule = rules['yes']",
    "closure": "def under(limit):\n    return lambda orders: orders.amount < limit\nrule = under({})",
    "function": "def small(orders):\n    return orders.amount < {}\nrule = lambda orders: small(orders)",
    "default": "def rule(orders, limit={}):\n    return orders.amount < limit",
    "partial": "from functools import partial\ndef under(limit, orders):\n    return orders.amount < limit\n"
    "rule = partial(under, {})",
    "object": "class Under:\n    def __init__(self, limit):\n        self.limit = limit\n"
    "    def __call__(self, orders):\n        return orders.amount < self.limit\nrule = Under({})",
}
TELL = "from aiops_flows.rule_text import rule_text; from rules import rule; print(rule_text(rule))"


def told(folder: Path, source: str) -> str:
    """The text of a rule as a process of its own tells it."""
    (folder / "rules.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-B", "-c", TELL]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("what", RULE)
def test_a_rule_changes_with_what_it_uses(tmp_path: Path, what: str) -> None:
    """Another limit is another policy, wherever the limit stands; the same one is the same in every process."""
    first, same, other = (told(tmp_path, RULE[what].format(limit)) for limit in (5_000, 5_000, 50_000))
    assert first == same
    assert first != other


def limited(limit: float) -> Callable[[Any], Any]:
    """A rule that is no text of its own."""
    namespace: dict[str, Any] = {"limit": limit}
    exec("rule = lambda orders: [order < limit for order in orders.amount]", namespace)
    found: Callable[[Any], Any] = namespace["rule"]
    return found


def test_a_rule_without_a_source_has_a_text() -> None:
    """What was typed into a prompt is told by its byte code, without addresses of this process."""
    assert rule_text(limited(1)) == rule_text(limited(1)) != rule_text(limited(2))
    assert " at 0x" not in rule_text(limited(1))


def test_a_policy_of_a_partial_keeps_its_version() -> None:
    """An object's address in this process is no part of the policy."""

    def version(limit: float) -> str:
        rule = partial(lambda least, orders: orders.amount > least, limit)
        return ReviewPolicy(verdicts=["yes"], auto={"yes": rule}).version

    assert version(1.0) == version(1.0) != version(2.0)
