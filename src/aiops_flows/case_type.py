"""What a case is: its fields, what they may hold, and the columns that are derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

from aiops_flows.values.missing import absent_of
from aiops_flows.values.schema import LONGEST_TEXT, FieldReading, field_readings, with_readers
from aiops_flows.values.written import Written

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Case", "CaseId", "Derivation", "Moment", "Text", "Written"]

Derivation = Callable[["pd.DataFrame"], Iterable[Any]]
"""A frame of cases -> one plain value a row (text, number, truth value, moment, or None), each from its row alone."""

Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
"""Free text of up to 100,000 characters. A plain ``str`` field of a `Case` is a label: short, printable, no markup."""


CaseId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.:/@+-][\w .:/@+#-]*$", strip_whitespace=True),
]


Moment = AwareDatetime
"""A date or time, in UTC; without a zone it is taken as UTC. `Written` declares how a source writes it."""


def _is_text(annotation: Any, metadata: Sequence[Any] = ()) -> bool:
    """Whether a field may hold long text, as `Text` and conversations may."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _is_text(inner, more)
    long = any(isinstance(each, StringConstraints) and (each.max_length or 0) >= LONGEST_TEXT for each in metadata)
    return long or get_origin(annotation) is list or any(_is_text(part) for part in get_args(annotation))


@lru_cache(maxsize=256)
def _readings(case_type: type[Case]) -> Mapping[str, FieldReading]:
    return field_readings(case_type.__pydantic_core_schema__)


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

    optional_columns: ClassVar[frozenset[str]] = frozenset()
    """Fields for which a source may have no column at all, such as one that only some branches fill in. Without it, a
    table that lacks the column of a field on which decisions rest is refused, and rows that name their own columns
    (JSON lines, mappings, HTTP) go to people: a renamed column would count as missing in every case."""

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
    def __pydantic_on_complete__(cls) -> None:
        """Every value of a case is read by what it means, at whatever depth: see `aiops_flows.values`.

        Raises:
            UseCaseError: a field is of a type whose values depend on their source, or cannot be stored.
        """
        schema = with_readers(cls.__name__, cls.__pydantic_core_schema__, absent_of(cls.absent))
        cls.__pydantic_core_schema__ = cast("CoreSchema", schema)
        cls.__pydantic_validator__ = SchemaValidator(cls.__pydantic_core_schema__, _use_prebuilt=False)
        cls.__pydantic_serializer__ = SchemaSerializer(cls.__pydantic_core_schema__, _use_prebuilt=False)

    @classmethod
    def readings(cls) -> Mapping[str, FieldReading]:
        """What each field wants of its source, and how it stands in a frame."""
        return _readings(cls)

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
