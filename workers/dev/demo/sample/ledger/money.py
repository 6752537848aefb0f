"""Money as whole cents."""

import re

from ledger.errors import InvalidAmount


def parse_cents(text):
    """Read ``12.50`` as 1250 cents; at most two decimals, never negative."""
    match = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,2}))?", text)
    if match is None:
        raise InvalidAmount(f"'{text}' is not an amount such as 12.50")
    whole, fraction = match.groups()
    return int(whole) * 100 + int((fraction or "0").ljust(2, "0"))


def format_cents(cents):
    """Write 1250 cents as ``12.50``."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
