"""What a case is: its fields, what they may hold, and the columns that are derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Case", "CaseId", "Derivation", "Moment", "Text"]

Derivation = Callable[["pd.DataFrame"], Iterable[Any]]
"""A frame of cases -> one plain value a row (text, number, truth value, moment, or None), each from its row alone."""

_LABEL = r"^[\w(](?:-?[\w .,;:&/'()+#%])*-?$"  # no markup, no quotes at the start, no formula sign, no "--"
_LABEL_LENGTH = 200
_TEXT_LENGTH = 100_000
_FLOAT32_MAX = 3.4028234663852886e38  # estimators compute in float32: beyond it scikit-learn refuses the whole batch
_EARLIEST, _LATEST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2261, 12, 31, tzinfo=UTC)  # all that fits nanoseconds
_LIMITS: dict[str, tuple[Any, Any]] = {
    "float": (-_FLOAT32_MAX, _FLOAT32_MAX),
    "int": (-(2**53), 2**53),
    "datetime": (_EARLIEST, _LATEST),
    "date": (_EARLIEST.date(), _LATEST.date()),
}
Text = Annotated[str, StringConstraints(max_length=_TEXT_LENGTH, pattern=r"^[^\x00]*$")]
"""Free text of up to 100,000 characters. A plain ``str`` field of a `Case` is a label: short, printable, no markup."""


CaseId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.:/@+-][\w .:/@+#-]*$", strip_whitespace=True),
]


@lru_cache(maxsize=8_192)
def _read_moment(text: str) -> datetime | str:
    """A moment that is written the same in many rows is read once; what is no ISO 8601 is left to pydantic."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _aware(value: Any) -> Any:
    """A date or a time without a zone is taken as UTC."""
    if value.__class__ is str:
        return _read_moment(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_aware)]
"""A moment; without a zone it is taken as UTC."""


def _tighten(schema: dict[str, Any]) -> None:
    """Walk a core schema and give bounds to strings, numbers and moments that have none."""
    kind = schema.get("type")
    kind = kind if isinstance(kind, str) else None  # the schemas of the fields by name, one of which is called "type"
    if kind == "str" and not ({"pattern", "max_length"} & schema.keys()):
        schema |= {"pattern": _LABEL, "max_length": _LABEL_LENGTH, "strip_whitespace": True}
    elif kind in _LIMITS:
        lowest, highest = _LIMITS[kind]
        if not ({"lt", "le"} & schema.keys()):
            schema["le"] = highest
        if not ({"gt", "ge"} & schema.keys()):
            schema["ge"] = lowest
    for value in list(schema.values()):
        if isinstance(value, dict):
            _tighten(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                if isinstance(item, dict):
                    _tighten(item)


def _is_text(annotation: Any, metadata: Sequence[Any] = ()) -> bool:
    """Whether a field may hold long text, as `Text` and conversations may."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _is_text(inner, more)
    long = any(isinstance(each, StringConstraints) and (each.max_length or 0) >= _TEXT_LENGTH for each in metadata)
    return long or get_origin(annotation) is list or any(_is_text(part) for part in get_args(annotation))


class Case(BaseModel):
    """One unit of business work. Subclass it with the fields of the business.

    A plain ``str`` field is a *label* (a code or a name: up to 200 printable characters, no markup, no formula sign);
    free text says so with `Text`. Numbers are finite and fit float32, moments lie between the years 1678 and 2261.
    Values listed in ``absent`` count as missing (a ``9999-12-31`` that means "open" belongs there).
    Unknown columns are ignored and reported once per batch.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True, coerce_numbers_to_str=True
    )

    absent: ClassVar[frozenset[str]] = frozenset({""})
    """Strings that mean "no value" in the sources of this case."""

    derived: ClassVar[Mapping[str, Derivation]] = {}
    """Columns computed from the others wherever cases become a frame, in this order: each sees the fields and the
    derived columns before it. They may be features, watched, segments and slices; they are never stored, so new code
    for them changes no case. Where one fails on a row, its value is missing."""

    rows: ClassVar[Any] = None
    """How many rows of a source become one case, such as ``SeriesRows`` of `aiops_flows.steps.series_rows`; by default
    each row is a case."""

    case_id: CaseId
    received_at: Moment | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Plain strings become labels, and numbers are held to what the estimators can compute with."""
        schema = handler(source)
        _tighten(cast("dict[str, Any]", schema))
        return schema

    @classmethod
    def columns(cls) -> list[str]:
        """The columns a frame of these cases has, ``case_id`` first, those of ``derived`` last."""
        return [*cls.model_fields, *cls.derived]

    @classmethod
    def texts(cls) -> list[str]:
        """The columns that hold free text: fields declared as `Text` or as conversations, and derived words."""
        fields = [name for name, info in cls.model_fields.items() if _is_text(info.annotation, info.metadata)]
        return [*fields, *(name for name, derive in cls.derived.items() if getattr(derive, "gives_text", False))]

    @classmethod
    def source_name(cls, name: str) -> str:
        """The column in the source from which a field is read."""
        info: FieldInfo = cls.model_fields[name]
        alias = info.validation_alias or info.alias
        return alias if isinstance(alias, str) else name
