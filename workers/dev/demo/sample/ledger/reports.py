"""Reports over entries."""

from ledger.money import format_cents


def sum_by_category(entries, month):
    """Cents spent in a month, by category in alphabetical order."""
    totals = {}
    for entry in entries:
        if entry.month == month:
            totals[entry.category] = totals.get(entry.category, 0) + entry.cents
    return dict(sorted(totals.items()))


def monthly_report(entries, month):
    """The lines of a month's report."""
    totals = sum_by_category(entries, month)
    if not totals:
        return [f"{month}: nothing was spent"]
    lines = [f"{category:<12}{format_cents(cents):>10}" for category, cents in totals.items()]
    lines.append(f"{'total':<12}{format_cents(sum(totals.values())):>10}")
    return lines
