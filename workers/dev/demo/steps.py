"""What the scripted agents do: turns by task and round, each a list of real tool calls."""

from typing import Any, Final

from workers.dev.demo.documents import CHECK_COMMAND, Turn

_EDITOR: Final = "str_replace_based_edit_tool"


def _create(path: str, text: str) -> tuple[str, Any]:
    return _EDITOR, {"command": "create", "path": path, "file_text": text}


def _replace(path: str, old: str, new: str) -> tuple[str, Any]:
    return _EDITOR, {"command": "str_replace", "path": path, "old_str": old, "new_str": new}


def _view(path: str) -> tuple[str, Any]:
    return _EDITOR, {"command": "view", "path": path}


def _bash(command: str) -> tuple[str, Any]:
    return "bash", {"command": command}


def _finish(summary: str, **tests: str) -> tuple[str, Any]:
    claims = [
        {"criterion_id": f"AC-{key[1:4]}.{key[5:]}", "test_id": test} for key, test in tests.items()
    ]
    return "finish", {"summary": summary, "tests": claims}


_BUDGETS: Final = '''"""Budgets: how much a category may cost in a month."""


def excess(spent, budget):
    """By how many cents the spending exceeds the budget; 0 when it does not."""
    return spent - budget
'''
_BUDGETS_TEST: Final = """import unittest

from ledger.budgets import excess


class BudgetsTest(unittest.TestCase):
    def test_spending_over_the_budget_is_told_in_cents(self):
        self.assertEqual(excess(2000, 1500), 500)

    def test_spending_exactly_the_budget_is_not_over(self):
        self.assertEqual(excess(1500, 1500), 0)

    def test_spending_less_is_not_over(self):
        self.assertEqual(excess(1000, 1500), 0)
"""
_FILES: Final = '''"""Keeps budgets in a JSON file."""

import json
import os

from ledger.errors import BrokenFile


def budget_path(ledger_path):
    """The budget file that belongs to a ledger file."""
    return ledger_path + ".budgets.json"


def read_budgets(path):
    """Cents by category; none when there is no file."""
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except ValueError:
        raise BrokenFile(f"{path} does not hold budgets") from None
    if not isinstance(found, dict) or not all(
        isinstance(cents, int) and cents >= 0 for cents in found.values()
    ):
        raise BrokenFile(f"{path} does not hold budgets")
    return found


def write_budget(path, category, cents):
    """Set the budget of a category, replacing an earlier one."""
    budgets = {**read_budgets(path), category: cents}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(budgets, file, indent=1, sort_keys=True)
'''
_FILES_TEST: Final = """import os
import tempfile
import unittest

from ledger.budget_files import read_budgets, write_budget
from ledger.errors import BrokenFile


class BudgetFilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "budgets.json")

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def test_a_budget_is_read_back(self):
        write_budget(self.path, "food", 1500)
        self.assertEqual(read_budgets(self.path), {"food": 1500})

    def test_setting_it_again_replaces_it(self):
        write_budget(self.path, "food", 1500)
        write_budget(self.path, "food", 2000)
        self.assertEqual(read_budgets(self.path), {"food": 2000})

    def test_a_file_that_is_not_json_is_refused(self):
        self.write("budgets!")
        with self.assertRaises(BrokenFile):
            read_budgets(self.path)

    def test_a_negative_amount_is_refused(self):
        self.write('{"food": -1}')
        with self.assertRaises(BrokenFile):
            read_budgets(self.path)
"""
_CLI_BUDGET: Final = '''def run_budget(arguments, path):
    """Set a budget; returns the lines to print."""
    category = arguments.category.strip().lower()
    cents = parse_cents(arguments.amount)
    write_budget(budget_path(path), category, cents)
    return [f"budget of {category} is {format_cents(cents)} a month"]


def warn_over_budget(entry, path):
    """The warning lines after an entry was added."""
    budget = read_budgets(budget_path(path)).get(entry.category)
    if budget is None:
        return []
    spent = sum_by_category(read_entries(path), entry.month).get(entry.category, 0)
    over = excess(spent, budget)
    return [f"warning: {entry.category} is over budget by {format_cents(over)}"] if over else []


def run_report('''
_CLI_TEST: Final = """
    def test_spending_over_the_budget_warns(self):
        self.run_cli("budget", "food", "15.00")
        code, out, _ = self.run_cli("add", "2026-01-05", "food", "20.00")
        self.assertEqual(code, 0)
        self.assertIn("over budget by 5.00", out)

    def test_spending_exactly_the_budget_does_not_warn(self):
        self.run_cli("budget", "food", "15.00")
        _, out, _ = self.run_cli("add", "2026-01-05", "food", "15.00")
        self.assertNotIn("over budget", out)
"""
_REPORT_LINE: Final = """    lines = [f"{category:<12}{format_cents(cents):>10}" for category, cents in totals.items()]
"""
_REPORT_LINES: Final = """    lines = [
        f"{category:<12}{format_cents(cents):>10}" + _budget_part(budgets or {}, category)
        for category, cents in totals.items()
    ]
"""
_REPORT_TEST: Final = """
    def test_a_category_with_a_budget_shows_it(self):
        lines = monthly_report(ENTRIES, "2026-01", {"food": 1500})
        self.assertTrue(lines[0].endswith(" of 15.00"))

    def test_a_category_without_a_budget_is_unchanged(self):
        lines = monthly_report(ENTRIES, "2026-01", {"food": 1500})
        self.assertEqual(lines[1], "rent            500.00")
"""

TASK_TURNS: Final[dict[str, list[list[Turn]]]] = {
    "TSK-001": [
        [
            [_view("ledger/money.py")],
            [_create("ledger/budgets.py", _BUDGETS)],
            [_create("tests/test_budgets.py", _BUDGETS_TEST)],
            [_finish("Add the rule that tells what is over budget")],
        ],
        [
            [("text", "Spending below the budget must give 0."), _view("ledger/budgets.py")],
            [
                _replace(
                    "ledger/budgets.py", "return spent - budget", "return max(0, spent - budget)"
                )
            ],
            [_bash(CHECK_COMMAND)],
            [
                _finish(
                    "Give 0 when spending stays within the budget",
                    c002_1="tests.test_budgets.BudgetsTest.test_spending_over_the_budget_is_told_in_cents",
                    c002_2="tests.test_budgets.BudgetsTest.test_spending_exactly_the_budget_is_not_over",
                )
            ],
        ],
    ],
    "TSK-002": [
        [
            [_view("ledger/storage.py"), _view("CONTRIBUTING.md")],
            [_create("ledger/budget_files.py", _FILES)],
            [_create("tests/test_budget_files.py", _FILES_TEST)],
            [_bash(CHECK_COMMAND)],
            [
                _finish(
                    "Keep budgets in a JSON file beside the ledger",
                    c001_1="tests.test_budget_files.BudgetFilesTest.test_a_budget_is_read_back",
                    c001_2="tests.test_budget_files.BudgetFilesTest.test_setting_it_again_replaces_it",
                    c004_1="tests.test_budget_files.BudgetFilesTest.test_a_file_that_is_not_json_is_refused",
                    c004_2="tests.test_budget_files.BudgetFilesTest.test_a_negative_amount_is_refused",
                )
            ],
        ]
    ],
    "TSK-003": [
        [
            [_view("ledger/cli.py")],
            [
                _replace(
                    "ledger/cli.py",
                    "from ledger.entries import make_entry\n",
                    "from ledger.budget_files import budget_path, read_budgets, write_budget\n"
                    "from ledger.budgets import excess\n"
                    "from ledger.entries import make_entry\n",
                ),
                _replace(
                    "ledger/cli.py",
                    "from ledger.reports import monthly_report\n",
                    "from ledger.reports import monthly_report, sum_by_category\n",
                ),
            ],
            [
                _replace(
                    "ledger/cli.py",
                    '    report = commands.add_parser("report", help="show a month")\n',
                    '    budget = commands.add_parser("budget", help="set a monthly budget")\n'
                    '    budget.add_argument("category")\n'
                    '    budget.add_argument("amount")\n'
                    '    report = commands.add_parser("report", help="show a month")\n',
                ),
                _replace("ledger/cli.py", "def run_report(", _CLI_BUDGET),
            ],
            [
                _replace(
                    "ledger/cli.py",
                    '    return [f"added {format_cents(entry.cents)} to {entry.category}"]\n',
                    '    added = f"added {format_cents(entry.cents)} to {entry.category}"\n'
                    "    return [added, *warn_over_budget(entry, path)]\n",
                ),
                _replace(
                    "ledger/cli.py",
                    '{"add": run_add, "report": run_report}',
                    '{"add": run_add, "budget": run_budget, "report": run_report}',
                ),
            ],
            [_bash(f"cat >> tests/test_cli.py <<'END'{_CLI_TEST}END\n{CHECK_COMMAND}")],
            [_finish("Set budgets on the command line and warn when one is exceeded")],
        ]
    ],
    "TSK-004": [
        [
            [_view("ledger/reports.py")],
            [
                _replace(
                    "ledger/reports.py",
                    "def monthly_report(entries, month):\n",
                    "def _budget_part(budgets, category):\n"
                    "    budget = budgets.get(category)\n"
                    '    return "" if budget is None else f" of {format_cents(budget)}"\n\n\n'
                    "def monthly_report(entries, month, budgets=None):\n",
                ),
                _replace("ledger/reports.py", _REPORT_LINE, _REPORT_LINES),
            ],
            [_bash(f"cat >> tests/test_reports.py <<'END'{_REPORT_TEST}END\n{CHECK_COMMAND}")],
            [
                _finish(
                    "Show the budget beside what was spent in the report",
                    c003_1="tests.test_reports.ReportsTest.test_a_category_with_a_budget_shows_it",
                    c003_2="tests.test_reports.ReportsTest.test_a_category_without_a_budget_is_unchanged",
                )
            ],
        ]
    ],
    "TSK-005": [
        [
            [_view("README.md"), _view("ledger/cli.py")],
            [
                _replace(
                    "ledger/cli.py",
                    "    return monthly_report(read_entries(path), arguments.month)\n",
                    "    budgets = read_budgets(budget_path(path))\n"
                    "    return monthly_report(read_entries(path), arguments.month, budgets)\n",
                ),
                _replace(
                    "README.md",
                    "Entries live in",
                    "## Budgets\n\n"
                    "    python3 -m ledger budget food 150.00\n\n"
                    "sets what a category may cost in a month. Adding an expense that goes over "
                    "it prints\na warning, and the report shows the budget beside the amount.\n\n"
                    "## Files\n\nEntries live in",
                ),
            ],
            [
                _bash(
                    "cat >> tests/test_cli.py <<'END'\n\n"
                    "    def test_the_report_shows_the_budget(self):\n"
                    '        self.run_cli("budget", "food", "15.00")\n'
                    '        self.run_cli("add", "2026-01-05", "food", "10.00")\n'
                    '        _, out, _ = self.run_cli("report", "2026-01")\n'
                    '        self.assertIn("10.00 of 15.00", out)\n'
                    f"END\n{CHECK_COMMAND}"
                )
            ],
            [_finish("Hand the budgets to the report and describe them in the README")],
        ]
    ],
}
