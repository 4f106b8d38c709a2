"""The lines of a new case type: one a field, with what the guess rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator

from aiops_flows.starting.columns import Column
from aiops_flows.starting.plan import Plan

__all__ = ["field_lines", "reader_of_moments"]

_TYPES = {"number": "float", "whole number": "int", "label": "str", "text": "Text", "moment": "Moment"}
_WIDTH = 118


def field_lines(plan: Plan) -> str:
    """The fields of the case, in the order of the file."""
    return "\n".join(f"    {part}"[:_WIDTH].rstrip() for line in _lines(plan) for part in _fitting(line))


def _fitting(line: str) -> list[str]:
    """The line; its comment above it where it would not end on it."""
    code, _, why = line.rpartition("  # ")
    return [line] if not code or len(line) <= _WIDTH - 4 else [f"# {why[0].upper()}{why[1:]}", code]


def _lines(plan: Plan) -> Iterator[str]:
    if plan.case_id is None:
        yield "# No column names a case, so rows were numbered (case_id): a source should give an id that lasts."
    elif plan.case_id.source != "case_id":
        yield f"case_id: CaseId = Field(alias={_quoted(plan.case_id.source)})  # names the case for ever"
    if plan.received is not None:
        alias = "" if plan.received.source == "received_at" else f" = Field(alias={_quoted(plan.received.source)})"
        yield f"received_at: {_moment(plan.received)}{alias}  # when it came in: {plan.received.why}"
    for column in plan.columns:
        if column.holds == "nothing":
            yield f"# {_quoted(column.source)} is left out: {column.why}"
        else:
            yield from _of_words(plan, column.name)
            yield f"{column.name}: {_declared(column)}  # {_why(plan, column)}"


def _of_words(plan: Plan, name: str) -> Iterator[str]:
    """What is said of a text that the model reads, above its field."""
    if name in plan.texts:
        for sentence in filter(None, [plan.wordings[name].worth, plan.wordings[name].doubt]):
            yield f"# {sentence[0].upper()}{sentence[1:]}{'' if sentence.endswith('?') else '.'}"


def _declared(column: Column) -> str:
    kind = _moment(column) if column.holds == "moment" else _TYPES[column.holds]
    arguments = ["None"] if column.missing else []
    if column.holds in {"number", "whole number"} and column.lowest >= 0:
        arguments.append("ge=0")
    if column.source != column.name:
        arguments.append(f"alias={_quoted(column.source)}")
    default = {0: "", 1: " = None"}.get(len(arguments)) if arguments in ([], ["None"]) else None
    told = default if default is not None else f" = Field({', '.join(arguments)})"
    return f"{kind}{' | None' if column.missing else ''}{told}"


def _moment(column: Column) -> str:
    return f"Annotated[Moment, BeforeValidator(written_as({_quoted(column.form)}))]" if column.form else "Moment"


def _why(plan: Plan, column: Column) -> str:
    seen = f"{column.why}, {column.missing} missing" if column.missing else column.why
    return f"no feature: {plan.left_out[column.name]}" if column.name in plan.left_out else seen


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def reader_of_moments(plan: Plan) -> str:
    """The function that reads moments in another form than ISO 8601, where a column has them."""
    forms = [each.form for each in [*plan.columns, *filter(None, [plan.received])] if each.form]
    return _READER if forms else ""


_READER = '''

def written_as(form: str) -> Callable[[object], object]:
    """Reads moments in the form of the source; what is no such text is left to the field itself."""

    def read(given: object) -> object:
        try:
            return datetime.strptime(str(given).strip(), form).replace(tzinfo=UTC)
        except ValueError:
            return given

    return read
'''
