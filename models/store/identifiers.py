"""New ids: time-ordered, so that keyset pages and indexes stay local (RFC 9562, version 7)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new uuid."""
    return uuid7()
