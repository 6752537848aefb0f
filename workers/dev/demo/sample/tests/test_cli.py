import contextlib
import io
import os
import tempfile
import unittest

from ledger.cli import main


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "ledger.jsonl")

    def run_cli(self, *argv):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(argv), self.path)
        return code, out.getvalue(), err.getvalue()

    def test_an_expense_shows_up_in_the_report(self):
        self.run_cli("add", "2026-01-05", "food", "12.50", "lunch")
        code, out, _ = self.run_cli("report", "2026-01")
        self.assertEqual(code, 0)
        self.assertIn("12.50", out)

    def test_a_bad_amount_is_told_on_standard_error(self):
        code, _, err = self.run_cli("add", "2026-01-05", "food", "lots")
        self.assertEqual(code, 1)
        self.assertIn("not an amount", err)
