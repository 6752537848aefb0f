"""Opaque keyset cursors over (created_at, id)."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, overload
from uuid import UUID

from models.errors import InvalidInput

K = TypeVar("K", UUID, str)
_FOREIGN = "This cursor is not one that a page gave out."


def write_cursor(at: datetime, last: UUID | str) -> str:
    """The cursor that continues after this row."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{last}".encode()).decode().rstrip("=")


@overload
def read_cursor(cursor: str) -> tuple[datetime, UUID]: ...


@overload
def read_cursor(cursor: str, kind: Callable[[str], K]) -> tuple[datetime, K]: ...


def read_cursor(
    cursor: str, kind: Callable[[str], UUID | str] = UUID
) -> tuple[datetime, UUID | str]:
    """What a cursor says; ``kind`` reads the row's id.

    Raises:
        InvalidInput: not a cursor of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, last = base64.urlsafe_b64decode(padded).decode().partition("|")
        instant, row = datetime.fromisoformat(at), kind(last)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(_FOREIGN, code="invalid-cursor") from error
    if instant.tzinfo is None or "\0" in last:
        raise InvalidInput(_FOREIGN, code="invalid-cursor")
    return instant, row
