import unittest

from ledger.entries import make_entry
from ledger.reports import monthly_report, sum_by_category

ENTRIES = [
    make_entry("2026-01-05", "food", 1250),
    make_entry("2026-01-09", "rent", 50000),
    make_entry("2026-01-20", "food", 750),
    make_entry("2026-02-01", "food", 100),
]


class ReportsTest(unittest.TestCase):
    def test_a_month_is_summed_by_category(self):
        self.assertEqual(sum_by_category(ENTRIES, "2026-01"), {"food": 2000, "rent": 50000})

    def test_the_report_ends_with_the_total(self):
        self.assertEqual(monthly_report(ENTRIES, "2026-01")[-1], "total           520.00")

    def test_an_empty_month_says_so(self):
        self.assertEqual(monthly_report(ENTRIES, "2025-12"), ["2025-12: nothing was spent"])
