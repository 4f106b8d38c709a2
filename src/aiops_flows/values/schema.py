"""The schema of a case type with our readers in it: every value passes them, at whatever depth it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, cast

from pydantic_core import CoreSchema, core_schema

from aiops_flows.errors import UseCaseError
from aiops_flows.values.columns import ColumnKind
from aiops_flows.values.missing import Absent
from aiops_flows.values.readers import Reader, reader_of_choices, reader_of_items, reader_of_names, readers
from aiops_flows.values.texts import text_of

__all__ = ["LONGEST_LABEL", "LONGEST_TEXT", "FieldReading", "FrameKind", "field_readings", "with_readers"]

LONGEST_LABEL = 200
LONGEST_TEXT = 100_000
_LABEL = r"^[\w(](?:-?[\w .,;:&/'()+#%])*-?$"  # no markup, no quotes at the start, no formula sign, no "--"
_FLOAT32_MAX = 3.4028234663852886e38  # estimators compute in float32: beyond it scikit-learn refuses the whole batch
_EARLIEST, _LATEST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2261, 12, 31, tzinfo=UTC)  # all that fits nanoseconds
_LIMITS: dict[str, tuple[Any, Any]] = {
    "float": (-_FLOAT32_MAX, _FLOAT32_MAX),
    "decimal": (Decimal(-_FLOAT32_MAX), Decimal(_FLOAT32_MAX)),
    "int": (-(2**53), 2**53),
    "datetime": (_EARLIEST, _LATEST),
    "date": (_EARLIEST.date(), _LATEST.date()),
}
_SCALARS = {
    "str",
    "float",
    "int",
    "decimal",
    "bool",
    "datetime",
    "date",
    "time",
    "timedelta",
    "uuid",
    "enum",
    "literal",
}
_ITEMS = {"list", "tuple", "set", "frozenset", "dict"}
_NAMED = {"model": "model-fields", "typed-dict": "typed-dict"}
_NOT_SCHEMAS = {
    "metadata",
    "serialization",
    "config",
    "function",
    "cls",
    "members",
    "expected",
    "default",
    "discriminator",
}
_REFUSED = {
    "bytes": "bytes have no form in the case log; declare str, or Text for free text",
    "complex": "complex numbers have no form in the case log; declare two float fields",
    "callable": "functions cannot be stored; declare the value that they give",
    "any": "its values would depend on the source (7 of a frame, '7' of a CSV); declare one type, such as str or float",
}
_ONE_TYPE = "its type would depend on the source (7 of a frame, '7' of a CSV); declare one type: str takes numbers too"
FrameKind = Literal["float", "int", "moment", "decimal", "seconds", "plain", "json"]
"""How a field stands in a frame. ``decimal`` and ``seconds`` are floats there; ``plain`` is the value itself, and
``json`` is what the case log has of it: the value of an Enum, a dict of a nested model, the text of a UUID."""

_READ_AS = "read as"
_COLUMN_KINDS: dict[str, ColumnKind] = {
    "int": "number",
    "float": "number",
    "decimal": "number",
    "date": "time",
    "datetime": "time",
}
_AS_THEY_ARE = {"str", "float", "int", "bool", "none"}
_WRAPPERS = {"nullable", "default", "function-before", "function-after", "function-wrap"}
_FRAME_KINDS: dict[str, FrameKind] = {
    "float": "float",
    "int": "int",
    "datetime": "moment",
    "date": "moment",
    "decimal": "decimal",
    "timedelta": "seconds",
}


def with_readers(name: str, schema: Mapping[str, Any], absent: Absent) -> dict[str, Any]:
    """The schema of a case type in which each value is read by its kind, and is bounded.

    Raises:
        UseCaseError: a field is of a type whose values depend on their source, or cannot be stored.
    """
    return _Readers(name, absent).of(schema)


class _Readers:
    def __init__(self, name: str, absent: Absent) -> None:
        self._where = [name]
        self._absent = absent
        self._inside_another = 0

    def of(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema, with readers around its values."""
        kind = schema.get("type")
        if kind == "any" and self._inside_another:
            return _before(readers["any"], dict(schema))
        if kind in _REFUSED:
            raise UseCaseError(f"{'.'.join(self._where)} is declared as {kind}: {_REFUSED[kind]}")
        if kind == "nullable":
            return self._nullable(schema)
        if kind in _SCALARS:
            return _before(_reader(_bounded(schema)), _bounded(schema), _kind_of(schema))
        if kind in {"set", "frozenset"}:
            schema = {**schema, "serialization": _SORTED}
        if kind == "union":
            self._refuse_two_types(schema)
        contains = kind in _ITEMS or (str(kind).startswith("function-") and "schema" in schema)
        self._inside_another += contains
        inside = self._inside(schema)
        self._inside_another -= contains
        if kind in _ITEMS:
            return _before(reader_of_items(kind), inside)
        if kind in _NAMED and len(self._where) > 1:
            return _before(self._reader_of_names(schema), inside)
        return inside

    def _nullable(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """One reader for a value that may be missing: it stands before the choice of None."""
        inner = schema["schema"]
        if inner.get("type") in _SCALARS:
            bounded = _bounded(inner)
            return _before(_reader(bounded), {**schema, "schema": bounded}, _kind_of(bounded))
        return _before(readers["missing or not"], {**schema, "schema": self.of(inner)})

    def _inside(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(schema)
        for key, value in schema.items():
            if key in _NOT_SCHEMAS:
                continue
            if isinstance(value, Mapping):
                found[key] = self._child(key, value)
            elif isinstance(value, list | tuple):
                found[key] = [self._item(key, each) for each in value]
        return found

    def _item(self, key: str, value: Any) -> Any:
        if isinstance(value, tuple):  # a choice of a union and its name
            return (self._item(key, value[0]), *value[1:])
        return self._child(key, value) if isinstance(value, Mapping) else value

    def _child(self, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(value.get("type"), str):
            if key != "definitions":
                return self.of(value)
            self._where.append(str(getattr(value.get("cls"), "__name__", "nested")))
            try:
                return self.of(value)
            finally:
                self._where.pop()
        found = {}
        for name, each in value.items():
            self._where.append(str(name))
            try:
                found[name] = self.of(each) if isinstance(each, Mapping) and "type" in each else each
            finally:
                self._where.pop()
        return found

    def _refuse_two_types(self, schema: Mapping[str, Any]) -> None:
        choices = [each[0] if isinstance(each, tuple) else each for each in schema["choices"]]
        kinds = {_scalar_under(choice) for choice in choices} - {""}
        if len(kinds) > 1:
            raise UseCaseError(f"{'.'.join(self._where)} is declared as {' or '.join(sorted(kinds))}: {_ONE_TYPE}")

    def _reader_of_names(self, schema: Mapping[str, Any]) -> Reader:
        optional: set[str] = set()
        nullable: set[str] = set()
        texts: set[str] = set()
        for name, field in _fields(schema).items():
            names = (
                {name, field.get("validation_alias", name)}
                if isinstance(field.get("validation_alias"), str)
                else {name}
            )
            if field["schema"].get("type") == "default" or field.get("required") is False:
                optional |= names
            elif field["schema"].get("type") == "nullable":
                nullable |= names
            elif _is_free_text(field["schema"]):
                texts |= names
        return reader_of_names(frozenset(optional), frozenset(nullable), frozenset(texts), self._absent)


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "fields" not in schema:
        schema = schema["schema"]
    fields: Mapping[str, Any] = schema["fields"]
    return fields


def _before(reader: Reader, schema: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """The schema with a reader before it; other schemas go on referring to it by its name."""
    inner = dict(schema)
    before = core_schema.no_info_before_validator_function(reader, cast("CoreSchema", inner))
    wrapped: dict[str, Any] = {**before, "metadata": {_READ_AS: kind}}
    if "ref" in inner:
        wrapped["ref"] = inner.pop("ref")
        wrapped["schema"] = inner
    return wrapped


def _bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of one value with the bounds of a case, where it has none of its own."""
    kind, found = schema["type"], dict(schema)
    if kind == "str" and not ({"pattern", "max_length"} & schema.keys()):
        found |= {"pattern": _LABEL, "max_length": LONGEST_LABEL, "strip_whitespace": True}
    elif kind in _LIMITS:
        lowest, highest = _LIMITS[kind]
        if not ({"lt", "le"} & schema.keys()):
            found["le"] = highest
        if not ({"gt", "ge"} & schema.keys()):
            found["ge"] = lowest
    return found


def _reader(schema: Mapping[str, Any]) -> Reader:
    kind = schema["type"]
    if kind == "str":
        return readers["text" if schema.get("max_length", LONGEST_TEXT) > LONGEST_LABEL else "label"]
    if kind == "enum":
        return reader_of_choices(schema["members"])
    if kind == "literal":
        return reader_of_choices(schema["expected"])
    if kind == "datetime" and schema.get("tz_constraint") == "naive":
        return readers["naive datetime"]
    return readers[kind]


def _is_free_text(schema: Mapping[str, Any]) -> bool:
    while schema.get("type") != "str":
        if "schema" not in schema:
            return False
        schema = schema["schema"]
    return int(schema.get("max_length", 0)) > LONGEST_LABEL


def _kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a scalar; empty for moments that must not have a zone, which only their own reader makes."""
    return "" if schema.get("tz_constraint") == "naive" else str(schema["type"])


def _scalar_under(schema: Mapping[str, Any]) -> str:
    """The scalar kind under what wraps a schema; empty where it is none."""
    while "schema" in schema and schema.get("type") not in _SCALARS:
        schema = schema["schema"]
    kind = str(schema.get("type"))
    return kind if kind in _SCALARS else ""


def _sorted(values: Any) -> list[Any]:
    return sorted(values, key=lambda value: (str(type(value)), text_of(value)))


_SORTED = core_schema.plain_serializer_function_ser_schema(_sorted)


@dataclass(frozen=True)
class FieldReading:
    """What a case type wants of one of its fields."""

    frame: FrameKind
    """How the field stands in a frame."""
    column: ColumnKind | None
    """What a column of it holds, where its source decides how that is written; None where the field itself does."""
    scalar: str
    """The type of such a column's values."""
    takes_none: bool
    """Whether the field has no default, and None is one of its values."""


def field_readings(schema: Mapping[str, Any]) -> dict[str, FieldReading]:
    """What a case type wants of each of its fields, by name."""
    while schema.get("type") != "model":
        schema = schema["schema"]
    return {name: _field_reading(field["schema"]) for name, field in _fields(schema).items()}


def _field_reading(schema: Mapping[str, Any]) -> FieldReading:
    outer = schema
    while outer.get("type") in {"default", "function-after"}:
        outer = outer["schema"]
    kind = outer.get("metadata", {}).get(_READ_AS, "")
    none = "default" not in _types_down_to(schema, "nullable") and "nullable" in _types_down_to(schema, "nullable")
    return FieldReading(_frame_kind(schema), _COLUMN_KINDS.get(kind), kind, none)


def _types_down_to(schema: Mapping[str, Any], last: str) -> list[str]:
    found = [str(schema.get("type"))]
    while found[-1] != last and found[-1] in _WRAPPERS:
        schema = schema["schema"]
        found.append(str(schema.get("type")))
    return found


def _frame_kind(schema: Mapping[str, Any]) -> FrameKind:
    written = "serialization" in schema
    while "schema" in schema and schema.get("type") in _WRAPPERS:
        schema = schema["schema"]
        written = written or "serialization" in schema
    if written:
        return "json"
    kind = str(schema.get("type"))
    return _FRAME_KINDS.get(kind) or ("plain" if _is_json(schema) else "json")


def _is_json(schema: Mapping[str, Any]) -> bool:
    """Whether values of a schema are what their JSON is."""
    if "serialization" in schema:
        return False
    kind = schema.get("type")
    if kind in _WRAPPERS:
        return _is_json(schema["schema"])
    if kind == "literal":
        return all(isinstance(each, str | int | bool) for each in schema["expected"])
    parts = _parts_of(schema)
    return kind in _AS_THEY_ARE if parts is None else all(map(_is_json, parts))


def _parts_of(schema: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The schemas of what a schema contains; None where it is no list, dict or typed dict."""
    match schema.get("type"):
        case "list":
            return [schema.get("items_schema", {})]
        case "dict" if _scalar_under(schema.get("keys_schema", {})) == "str":
            return [schema.get("values_schema", {})]
        case "typed-dict":
            return [field["schema"] for field in _fields(schema).values()]
        case _:
            return None
