"""Keeps entries in a JSON Lines file."""

import dataclasses
import json
import os

from ledger.entries import Entry
from ledger.errors import BrokenFile


def append_entry(path, entry):
    """Add one entry at the end of the file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(entry)) + "\n")


def read_entries(path):
    """All entries in order; none when there is no file."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        try:
            return [Entry(**json.loads(line)) for line in file if line.strip()]
        except (ValueError, TypeError):
            raise BrokenFile(f"{path} holds a line that is not an entry") from None
