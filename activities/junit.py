"""JUnit XML: hostile data like every file of a repository, so entities are refused."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from models.rules.test_reports import MOST_NAMES, SuiteReport


def read_junit(content: bytes) -> SuiteReport | None:
    """The test cases of a JUnit file; None when it is none."""
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    if root.tag not in {"testsuites", "testsuite"}:
        return None
    cases = list(root.iter("testcase"))
    failed = [
        _name(case)
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return SuiteReport(len(cases), skipped, tuple(failed[:MOST_NAMES]), lists=True)


def _name(case: Element) -> str:
    where, name = case.get("classname", ""), case.get("name", "")
    return f"{where}::{name}" if where else name
