"""The command line; the only module that prints."""

import argparse
import sys

from ledger.entries import make_entry
from ledger.errors import LedgerError
from ledger.money import format_cents, parse_cents
from ledger.reports import monthly_report
from ledger.storage import append_entry, read_entries


def build_parser():
    """The parser of the command line."""
    parser = argparse.ArgumentParser(prog="ledger")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="record an expense")
    add.add_argument("day")
    add.add_argument("category")
    add.add_argument("amount")
    add.add_argument("note", nargs="?", default="")
    report = commands.add_parser("report", help="show a month")
    report.add_argument("month")
    return parser


def run_add(arguments, path):
    """Record an expense; returns the lines to print."""
    entry = make_entry(
        arguments.day, arguments.category, parse_cents(arguments.amount), arguments.note
    )
    append_entry(path, entry)
    return [f"added {format_cents(entry.cents)} to {entry.category}"]


def run_report(arguments, path):
    """Show a month; returns the lines to print."""
    return monthly_report(read_entries(path), arguments.month)


COMMANDS = {"add": run_add, "report": run_report}


def main(argv, path):
    """Run one command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        lines = COMMANDS[arguments.command](arguments, path)
    except LedgerError as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0
