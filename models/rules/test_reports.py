"""What a test tool says that it ran, read from its output or from JUnit XML.

Formats: the summaries of unittest, pytest, go test, vitest, jest, cargo test and node --test; JUnit
XML as Jenkins reads it (https://github.com/testmoapp/junitxml).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_NAMES: Final = 500


@dataclass(frozen=True)
class SuiteReport:
    """Counts and names; None where the tool does not say. ``failed`` are names, in order, at most 500.

    ``lists`` is True when the tool tells which tests failed, so that an empty list means none.
    """

    tests: int | None = None
    skipped: int | None = None
    failed: tuple[str, ...] = ()
    lists: bool = False


def read_output(output: str) -> SuiteReport:
    """The last summary in a tool's output; nothing where no tool is known by its words."""
    for reader in (_unittest, _pytest, _cargo, _vitest, _node, _go):
        report = reader(output)
        if report is not None:
            return report
    return SuiteReport()


def join_reports(reports: Iterable[SuiteReport]) -> SuiteReport:
    """Several reports as one, such as a JUnit file for each package."""
    found = list(reports)
    return SuiteReport(
        tests=sum(r.tests or 0 for r in found),
        skipped=sum(r.skipped or 0 for r in found),
        failed=_names(name for r in found for name in r.failed),
        lists=all(r.lists for r in found),
    )


def _names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))[:MOST_NAMES]


def _last(pattern: str, text: str) -> int | None:
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else None


def _unittest(output: str) -> SuiteReport | None:
    ran = _last(r"^Ran (\d+) tests?\b", output)
    if ran is None:
        return None
    failed = [
        f"{where}" if name in where else f"{where}.{name}"
        for name, where in re.findall(r"^(?:FAIL|ERROR): (\S+) \(([^)]+)\)", output, re.MULTILINE)
    ]
    return SuiteReport(ran, _last(r"skipped=(\d+)", output) or 0, _names(failed), lists=True)


def _pytest(output: str) -> SuiteReport | None:
    line = _summary(output)
    if line is None:
        return None
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", line)}
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    ran = ("passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed")
    bad = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    return SuiteReport(
        sum(counts.get(word, 0) for word in ran),
        counts.get("skipped", 0) + counts.get("xfailed", 0),
        _names(failed),
        lists=bool(failed) or not bad,
    )


def _summary(output: str) -> str | None:
    """Pytest's last line, plain or between signs of equality."""
    found = re.findall(
        r"^=*\s*((?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)(?:, )?)+)"
        r" in [\d.]+s",
        output,
        re.MULTILINE,
    )
    return found[-1] if found else None


def _cargo(output: str) -> SuiteReport | None:
    lines = re.findall(
        r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE
    )
    if not lines:
        return None
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", output, re.MULTILINE)
    return SuiteReport(
        sum(int(n) for line in lines for n in line),
        sum(int(line[2]) for line in lines),
        _names(failed),
        lists=True,
    )


def _vitest(output: str) -> SuiteReport | None:
    lines = re.findall(r"^\s*Tests:?\s+(.*\d+ (?:passed|failed).*)$", output, re.MULTILINE)
    if not lines:
        return None
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", lines[-1])}
    failed = re.findall(
        r"^\s*(?:FAIL|\u00d7|\u2715|\u25cf)\s+(\S.*?)(?:\s+\d+\s*m?s)?$", output, re.MULTILINE
    )
    ran = sum(counts.get(w, 0) for w in ("passed", "failed", "skipped", "todo"))
    return SuiteReport(
        ran,
        counts.get("skipped", 0) + counts.get("todo", 0),
        _names(failed),
        lists=bool(failed) or not counts.get("failed"),
    )


def _node(output: str) -> SuiteReport | None:
    ran = _last(r"^(?:#|\u2139) tests (\d+)", output)
    if ran is None:
        return None
    failed = re.findall(
        r"^\s*(?:not ok \d+ - |\u2716 )(.+?)(?: \([\d.]+ms\))?$", output, re.MULTILINE
    )
    skipped = _last(r"^(?:#|\u2139) skipped (\d+)", output)
    return SuiteReport(ran, skipped, _names(failed), lists=True)


def _go(output: str) -> SuiteReport | None:
    ended = re.findall(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", output, re.MULTILINE)
    packages = re.findall(r"^(?:ok|FAIL|---)\s+\S+\s+(?:[\d.]+s|\(cached\))", output, re.MULTILINE)
    if not ended and not packages:
        return None
    failed = _names(name for how, name in ended if how == "FAIL")
    told = [how for how, _ in ended]
    count = len(told) if "PASS" in told else None  # without -v only failures are told
    skipped = told.count("SKIP") if count is not None else None
    return SuiteReport(count, skipped, failed, lists=True)


def failing_of(tests: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Of the tests that fail, those that did not fail at the base."""
    old = set(known)
    return tuple(test for test in tests if test not in old)
