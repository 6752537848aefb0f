"""Opaque keyset cursors over (created_at, id)."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from models.errors import InvalidInput


def write_cursor(at: datetime, last: UUID) -> str:
    """The cursor that continues after this row."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{last}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """What a cursor says.

    Raises:
        InvalidInput: not a cursor of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, last = base64.urlsafe_b64decode(padded).decode().partition("|")
        return datetime.fromisoformat(at), UUID(last)
    except (ValueError, binascii.Error) as error:
        msg = "This cursor is not one that a page gave out."
        raise InvalidInput(msg, code="invalid-cursor") from error
