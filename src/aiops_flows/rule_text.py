"""What a rule says, as text that changes whenever the rule does: its source, and the values and functions it uses."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import CodeType, FunctionType
from typing import Any

__all__ = ["rule_text"]

_PLAIN = (str, bytes, int, float, complex, bool, type(None), Decimal, date, datetime, timedelta, Enum)


def rule_text(rule: object) -> str:
    """The rule as text, the same in every process that runs the same code.

    To its source come the plain values (numbers, texts, moments, and collections of them) and the functions of its own
    package that it takes from around it: a limit that stands in a constant is part of the rule, a library is not.
    """
    return "\n".join(_parts(rule, set()))


def _parts(used: object, seen: set[int]) -> Iterator[str]:
    if id(used) in seen:
        return
    seen.add(id(used))
    if isinstance(used, functools.partial):
        yield from _parts(used.func, seen)
        yield from _named({"arguments": used.args, **used.keywords}, seen)
    elif isinstance(used, FunctionType):
        yield _source(used)
        yield from _named({name: value for name, value in _around(used).items() if _is_near(value, used)}, seen)
    elif (method := getattr(used, "__func__", None)) is not None:
        yield from _parts(method, seen)
    elif used is not None and not isinstance(used, type) and not inspect.isbuiltin(used):
        yield type(used).__qualname__  # an object that can be called
        for name in ("__call__", "of_cases"):
            yield from _parts(vars(type(used)).get(name), seen)
        held = getattr(used, "__dict__", {})
        yield from _named(held, seen)
        for name in sorted(held):
            if is_dataclass(held[name]) and not isinstance(held[name], type):  # such as the cost that a loss is made of
                yield from (f"{name}: {part}" for part in _parts(held[name], seen))


def _around(function: FunctionType) -> dict[str, Any]:
    """What a function takes from outside itself, by name."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    defaults = {"defaults": function.__defaults__ or (), **(function.__kwdefaults__ or {})}
    outside = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    return outside | defaults | {name: cell.cell_contents for name, cell in cells.items() if _filled(cell)}


def _is_near(value: object, function: FunctionType) -> bool:
    """Whether it is a value, or a function of the same package."""
    return not isinstance(value, FunctionType) or _package(value) == _package(function)


def _package(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not Ellipsis
    except ValueError:  # a name that has no value yet
        return False


def _names(code: CodeType) -> set[str]:
    """Every name that the code, and functions within it, look up."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*inner)


def _named(values: Mapping[str, Any], seen: set[int]) -> Iterator[str]:
    for name in sorted(values):
        value = values[name]
        if isinstance(value, FunctionType | functools.partial):
            yield from _parts(value, seen)
        elif (told := _told(value)) is not None:
            yield f"{name} = {told}"


def _told(value: object) -> str | None:
    """A plain value as text; None for anything else, whose text may differ between processes."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, Mapping):
        parts = [(_told(key), _told(each)) for key, each in value.items()]
        told = [f"{key}: {each}" for key, each in parts if key is not None and each is not None]
        return f"{{{', '.join(told)}}}" if len(told) == len(parts) else None
    if isinstance(value, tuple | list | set | frozenset):
        each_told = [_told(each) for each in value]
        known = [each for each in each_told if each is not None]
        if len(known) < len(each_told):
            return None
        return f"[{', '.join(sorted(known) if isinstance(value, set | frozenset) else known)}]"
    return None


def _source(function: FunctionType) -> str:
    """The source of a function where it can be had, else its byte code with its constants."""
    try:
        if function.__name__ == "<lambda>" and (text := _lambdas(function)):
            return text
        return inspect.getsource(function).strip()
    except (OSError, TypeError, SyntaxError):
        return _byte_code(function.__code__)


def _lambdas(function: FunctionType) -> str:
    """Every lambda that begins on the function's line, whole: `inspect` may end it at its first line break."""
    lines, _ = inspect.findsource(function)
    begins = function.__code__.co_firstlineno
    found = [node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.Lambda)]
    return "\n".join(ast.unparse(node) for node in found if node.lineno == begins)


def _byte_code(code: CodeType) -> str:
    constants = [_byte_code(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names}"
