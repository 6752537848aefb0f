import unittest

from ledger.errors import InvalidAmount
from ledger.money import format_cents, parse_cents


class MoneyTest(unittest.TestCase):
    def test_amounts_are_read_as_cents(self):
        self.assertEqual(parse_cents("12.50"), 1250)
        self.assertEqual(parse_cents("7"), 700)
        self.assertEqual(parse_cents("0.5"), 50)

    def test_other_text_is_refused(self):
        for text in ("", "-1", "1.234", "abc"):
            with self.assertRaises(InvalidAmount):
                parse_cents(text)

    def test_cents_are_written_with_two_decimals(self):
        self.assertEqual(format_cents(1250), "12.50")
        self.assertEqual(format_cents(-5), "-0.05")
