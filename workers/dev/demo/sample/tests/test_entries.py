import unittest

from ledger.entries import make_entry
from ledger.errors import InvalidEntry


class EntriesTest(unittest.TestCase):
    def test_a_category_is_kept_in_lower_case(self):
        self.assertEqual(make_entry("2026-01-05", " Food ", 1250).category, "food")

    def test_the_month_is_taken_from_the_day(self):
        self.assertEqual(make_entry("2026-01-05", "food", 1).month, "2026-01")

    def test_a_bad_day_is_refused(self):
        with self.assertRaises(InvalidEntry):
            make_entry("2026-02-30", "food", 1)
