"""Runs the ledger: ``python3 -m ledger``."""

import os
import sys

from ledger.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("LEDGER_FILE", "ledger.jsonl")))
