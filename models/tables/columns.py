"""The base of every row, and the column kinds that the tables share."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

Json = dict[str, Any]  # of a row; the store makes a contract of it at once


class Row(SQLModel):
    """A row; each class names its table in ``table_name``."""

    table_name: ClassVar[str]

    # SQLModel annotates the name as a variable; SQLAlchemy documents this form for a mixin.
    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 # pyright: ignore[reportIncompatibleVariableOverride]
        return cls.table_name


def json_column(*, nullable: bool = False) -> Any:
    """A JSONB column."""
    return Field(sa_type=JSONB, nullable=nullable)


def now_column(*, index: bool = False) -> datetime:
    """A UTC instant set by the database."""
    return Field(
        sa_type=DateTime(timezone=True),  # pyright: ignore[reportArgumentType] - SQLModel wants a class, Postgres the zone
        nullable=False,
        index=index,
        sa_column_kwargs={"server_default": func.clock_timestamp()},
    )


def instant_column(*, nullable: bool = False) -> Any:
    """An instant that the store sets."""
    return Field(
        default=None if nullable else ...,
        sa_type=DateTime(timezone=True),  # pyright: ignore[reportArgumentType] - as above
        nullable=nullable,
    )
