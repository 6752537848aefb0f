"""Entries of the ledger."""

import datetime
from dataclasses import dataclass

from ledger.errors import InvalidEntry


@dataclass(frozen=True)
class Entry:
    """One expense; ``day`` is an ISO date."""

    day: str
    category: str
    cents: int
    note: str = ""

    @property
    def month(self):
        """The month of the entry, such as ``2026-01``."""
        return self.day[:7]


def make_entry(day, category, cents, note=""):
    """Check and make an entry."""
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise InvalidEntry(f"'{day}' is not a date such as 2026-01-31") from None
    if not category.strip():
        raise InvalidEntry("the category is empty")
    return Entry(day=day, category=category.strip().lower(), cents=cents, note=note)
