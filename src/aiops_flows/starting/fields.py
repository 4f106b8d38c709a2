"""The lines of a new case type: one a field, with what the guess rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiops_flows.starting.columns import Column
from aiops_flows.starting.plan import Plan
from aiops_flows.starting.python_text import WIDTH, comment, literal, printable

__all__ = ["field_lines"]

_TYPES = {"number": "float", "whole number": "int", "label": "str", "text": "Text", "moment": "Moment"}
_INDENT = 4


@dataclass(frozen=True)
class _Declaration:
    """A field as it is written."""

    name: str
    annotation: str
    default: str = ""
    """What a row without a value gets, as source; empty where every row must have one."""
    arguments: tuple[str, ...] = ()
    """Of `Field`, as source."""
    why: str = ""

    def lines(self) -> Iterator[str]:
        """The declaration; its comment above it where one line does not hold both."""
        code = self._code()
        whole = f"{code[0]}  # {printable(self.why)}"
        if len(code) == 1 and len(whole) <= WIDTH - _INDENT:
            yield whole
            return
        yield from comment(f"{self.why[:1].upper()}{self.why[1:]}", _INDENT)
        yield from code

    def _code(self) -> list[str]:
        head = f"{self.name}: {self.annotation}"
        if not self.arguments:
            return [f"{head} = {self.default}" if self.default else head]
        arguments = [*filter(None, [self.default]), *self.arguments]
        line = f"{head} = Field({', '.join(arguments)})"
        if len(line) <= WIDTH - _INDENT:
            return [line]
        return [f"{head} = Field(", *(f"    {argument}," for argument in arguments), ")"]


def field_lines(plan: Plan) -> str:
    """The fields of the case, in the order of the file."""
    return "\n".join(f"{' ' * _INDENT}{line}" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield from _lines_of_id(plan)
    if plan.received is not None:
        yield from _received(plan.received).lines()
    for column in plan.columns:
        if column.holds == "nothing":
            yield from comment(f"{literal(column.source)} is left out: {column.why}", _INDENT)
            continue
        for sentence in _sentences_on_words(plan, column.name):
            yield from comment(sentence, _INDENT)
        yield from _field(plan, column).lines()


def _lines_of_id(plan: Plan) -> Iterator[str]:
    if plan.case_id is None:
        yield from comment(
            f"No column names a case, so rows were numbered ({plan.id_name}): a source should give an id that lasts.",
            _INDENT,
        )
    if plan.id_name != "case_id":
        alias = f"alias={literal(plan.id_name)}"
        yield from _Declaration("case_id", "CaseId", arguments=(alias,), why="names the case for ever").lines()


def _received(column: Column) -> _Declaration:
    alias = () if column.source == "received_at" else (f"alias={literal(column.source)}",)
    return _Declaration("received_at", _annotation(column), arguments=alias, why=f"when it came in: {column.why}")


def _field(plan: Plan, column: Column) -> _Declaration:
    annotation = _annotation(column)
    arguments = []
    if column.holds in {"number", "whole number"} and column.lowest >= 0:
        arguments.append("ge=0")
    if column.source != column.name:
        arguments.append(f"alias={literal(column.source)}")
    return _Declaration(
        column.name,
        f"{annotation} | None" if column.missing else annotation,
        "None" if column.missing else "",
        tuple(arguments),
        _why(plan, column),
    )


def _sentences_on_words(plan: Plan, name: str) -> list[str]:
    """What stands above the field of a text that the model reads."""
    if name not in plan.texts:
        return []
    sentences: Sequence[str] = [plan.wordings[name].worth, plan.wordings[name].doubt]
    return [f"{each[0].upper()}{each[1:]}{'' if each.endswith('?') else '.'}" for each in sentences if each]


def _annotation(column: Column) -> str:
    """The type of a field, with how its sources write it."""
    if not column.written:
        return _TYPES[column.holds]
    currency = f", currency={literal(column.currency)}" if column.currency else ""
    return f"Annotated[{_TYPES[column.holds]}, Written({literal(column.written)}{currency})]"


def _why(plan: Plan, column: Column) -> str:
    seen = f"{column.why}, {column.missing} missing" if column.missing else column.why
    return f"no feature: {plan.left_out[column.name]}" if column.name in plan.left_out else seen
