"""What a test tool says, what a diff does to the proof, and how one test is run by its id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.junit import read_junit
from models.rules.tampering import find_tampering, is_check_configuration, read_diff, told
from models.rules.test_ids import is_test_id, single_test_command
from models.rules.test_reports import SuiteReport, failing_of, join_reports, read_output

UNITTEST = "python3 -m unittest discover -s tests -t ."
PYTEST_OUT = """
FAILED tests/test_a.py::test_one - AssertionError
ERROR tests/test_b.py::test_two
=========== 1 failed, 3 passed, 2 skipped, 1 error in 0.31s ===========
"""
UNITTEST_OUT = """
FAIL: test_a (tests.test_x.XTest.test_a)
ERROR: test_b (tests.test_x.XTest)
Ran 9 tests in 0.1s

FAILED (failures=1, errors=1, skipped=2)
"""
GO_OUT = """
--- FAIL: TestSum (0.00s)
--- PASS: TestZero (0.00s)
    --- SKIP: TestZero/huge (0.00s)
FAIL\tapp/sum\t0.002s
"""
CARGO_OUT = """
test sum::adds ... FAILED
test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured
"""
VITEST_OUT = """
 FAIL  src/sum.test.ts > sum > adds
 Test Files  1 failed (1)
      Tests  1 failed | 4 passed | 1 skipped (6)
"""
NODE_OUT = "not ok 1 - adds\nok 2 - sums\n# tests 2\n# pass 1\n# fail 1\n# skipped 0\n"


@pytest.mark.parametrize(
    ("output", "report"),
    [
        (PYTEST_OUT, SuiteReport(7, 2, ("tests/test_a.py::test_one", "tests/test_b.py::test_two"), lists=True)),
        (UNITTEST_OUT, SuiteReport(9, 2, ("tests.test_x.XTest.test_a", "tests.test_x.XTest.test_b"), lists=True)),
        (GO_OUT, SuiteReport(3, 1, ("TestSum",), lists=True)),
        ("ok  \tapp/sum\t0.002s\n", SuiteReport(None, None, (), lists=True)),
        (CARGO_OUT, SuiteReport(7, 1, ("sum::adds",), lists=True)),
        (VITEST_OUT, SuiteReport(6, 1, ("src/sum.test.ts > sum > adds",), lists=True)),
        (NODE_OUT, SuiteReport(2, 0, ("adds",), lists=True)),
        ("all good", SuiteReport()),
    ],
)  # fmt: skip
def test_a_tools_words_are_read(output: str, report: SuiteReport) -> None:
    assert read_output(output) == report


def test_junit_is_read_and_hostile_xml_is_not() -> None:
    good = (
        b'<testsuites><testsuite><testcase classname="a.B" name="one"/>'
        b'<testcase classname="a.B" name="two"><failure/></testcase>'
        b'<testcase name="three"><skipped/></testcase></testsuite></testsuites>'
    )
    assert read_junit(good) == SuiteReport(3, 1, ("a.B::two",), lists=True)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>'
    for other in (bomb, b"<html/>", b"no xml", b""):
        assert read_junit(other) is None
    both = join_reports([SuiteReport(2, 1, ("x",), lists=True), SuiteReport(3, 0, (), lists=True)])
    assert both == SuiteReport(5, 1, ("x",), lists=True)


def test_only_new_failures_count_after_a_red_baseline() -> None:
    assert failing_of(("a", "b"), ("b", "c")) == ("a",)


def change(path: str, *lines: str, deleted: bool = False) -> str:
    mode = "deleted file mode 100644\n" if deleted else ""
    head = (
        f"diff --git {path} {path}\n{mode}index 1..2 100644\n--- {path}\n+++ {path}\n@@ -1 +1 @@\n"
    )
    return head + "".join(f"{line}\n" for line in lines)


def kinds(diff: str, *, allowed: tuple[str, ...] = (), command: str = UNITTEST) -> list[str]:
    return [f.kind for f in find_tampering(read_diff(diff), command, "", allowed)]


@pytest.mark.parametrize(
    ("diff", "kind"),
    [
        (change("tests/test_a.py", "-def test_one(self):", deleted=True), "deleted_test"),
        (change("tests/test_a.py", "-    def test_one(self):", "+    def helper():"), "deleted_test"),
        (change("src/sum.test.ts", "-  it('adds', () => {"), "deleted_test"),
        (change("sum_test.go", "-func TestSum(t *testing.T) {"), "deleted_test"),
        (change("tests/sum.rs", "-    #[test]"), "deleted_test"),
        (change("tests/test_a.py", "+    @unittest.skip('later')"), "skipped_test"),
        (change("tests/test_a.py", "+@pytest.mark.xfail"), "skipped_test"),
        (change("tests/test_a.py", "+        self.skipTest('x')"), "skipped_test"),
        (change("src/sum.test.ts", "+  it.skip('adds', () => {"), "skipped_test"),
        (change("src/sum.test.ts", "+  it.only('adds', () => {"), "skipped_test"),
        (change("sum_test.go", "+\tt.Skip()"), "skipped_test"),
        (change("src/lib.rs", "+    #[ignore]"), "skipped_test"),
        (change("conftest.py", "+collect_ignore = ['x']"), "check_configuration"),
        (change("pyproject.toml", "+addopts = '-k nothing'"), "check_configuration"),
        (change("sub/package.json", '+"test": "true"'), "check_configuration"),
        (change("unittest.py", "+print('Ran 9 tests')"), "check_configuration"),
        (change("unittest/__main__.py", "+print('Ran 9 tests')"), "check_configuration"),
        (change("sitecustomize.py", "+import os"), "check_configuration"),
        (change("ledger/__init__.py", "+import os; print('5 passed'); os._exit(0)"), "exits_early"),
        (change("tests/__init__.py", "+sys.exit(0)"), "exits_early"),
    ],
)  # fmt: skip
def test_what_bends_the_proof_is_found(diff: str, kind: str) -> None:
    assert kinds(diff) == [kind]


@pytest.mark.parametrize(
    "diff",
    [
        change("tests/test_a.py", "-    def test_one(self):", "+    def test_one(self, more):"),
        change("tests/a.py", "-def test_one():", deleted=True) + change("tests/b.py", "+def test_one():"),
        change("tests/test_a.py", "+    def test_new(self):", "+        self.assertTrue(skip)"),
        change("ledger/cli.py", "+    sys.exit(0)"),
        change("docs/skipping.md", "+@pytest.mark.skip is not used here"),
        change("ledger/protest.py", "-def testify():"),
        "",
    ],
)  # fmt: skip
def test_honest_work_is_no_finding(diff: str) -> None:
    assert kinds(diff) == []


def test_files_that_the_check_names_configure_it() -> None:
    assert is_check_configuration("tools/check.sh", "sh ./tools/check.sh --all", "")
    assert is_check_configuration("app/run_checks.py", "python -m run_checks", "app")
    assert is_check_configuration("ci.py", "cd . && X=1 python3 -u ci.py", "")
    assert is_check_configuration("check", "./check --all", "")
    for path, command in (
        ("tools/other.sh", "sh tools/check.sh"),
        ("tests/test_a.py", "pytest -q tests/test_a.py"),
        ("ledger/budgets.py", "python3 -m unittest && test -f ledger/budgets.py"),
    ):
        assert not is_check_configuration(path, command, "")


def test_fewer_tests_and_an_approved_change() -> None:
    found = find_tampering([], UNITTEST, "", (), (9, 7))
    assert [f.kind for f in found] == ["fewer_tests"]
    assert "7 tests ran, 9 before" in told(found)
    assert find_tampering([], UNITTEST, "", (), (9, None))[0].kind == "fewer_tests"
    assert find_tampering([], UNITTEST, "", (), (None, 3)) == ()
    assert kinds(change("conftest.py", "+x = 1"), allowed=("conftest.py",)) == []


@given(st.text(max_size=400))
def test_any_text_is_read_as_a_diff_and_as_output(text: str) -> None:
    files = read_diff(f"diff --git a a\n@@ -1 +1 @@\n{text}")
    assert files[0].path == "a"
    assert all(f.kind == "exits_early" for f in find_tampering(files[:1], UNITTEST, "", ()))
    report = read_output(text)
    assert (report.tests or 0) >= len(report.failed) or not report.lists or report.tests is None


@pytest.mark.parametrize(
    ("check", "start"),
    [
        ("python -m pytest -q", "python3 -m pytest"),
        (UNITTEST, "python3 -m unittest"),
        ("go test ./...", "go test -v -run"),
        ("cargo test --all", "cargo test -- --exact"),
        ("npx vitest run", "npx --no-install vitest"),
        ("node --test", "node --test --test-name-pattern"),
    ],
)
def test_one_test_is_run_by_the_projects_own_tool(check: str, start: str) -> None:
    line = single_test_command(check)
    assert line is not None
    assert line.startswith(start)
    assert '"$1"' in line or "$1" in line


def test_an_unknown_tool_and_a_hostile_id_run_nothing() -> None:
    assert single_test_command("sh check.sh") is None
    assert is_test_id("tests.test_a.ATest.test_b")
    for hostile in ("--collect-only", "a; rm -rf /", "$(id)", "a\nb", "", "`id`", "x" * 400):
        assert not is_test_id(hostile)
