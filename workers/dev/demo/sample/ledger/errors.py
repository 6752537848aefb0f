"""Errors that a person can do something about."""


class LedgerError(Exception):
    """Base of every expected error; its text is shown as it is."""


class InvalidAmount(LedgerError):
    """The amount is not money."""


class InvalidEntry(LedgerError):
    """The entry cannot be recorded."""


class BrokenFile(LedgerError):
    """A file of ours does not hold what it should."""
