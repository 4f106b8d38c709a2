"""The fourth schema: what decisions and readings say beyond their verdict, and what was proposed to a person."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Text
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _maybe(name: str) -> Column[Any]:
    return Column(name, _TEXT)


def upgrade() -> None:
    """Add the columns; rows that are there have nothing in them, and keep their digests."""
    op.add_column("decisions", _maybe("terms"))
    op.add_column("decisions", _maybe("proposed"))
    op.add_column("readings", _maybe("terms"))
