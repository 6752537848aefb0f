"""A small expense ledger."""
