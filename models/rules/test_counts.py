"""How many tests a tool says that it ran."""

import re
from typing import Final

_PATTERNS: Final = (
    re.compile(r"^Ran (\d+) tests?\b", re.MULTILINE),  # unittest
    re.compile(r"(?:^|\s)(\d+) passed\b"),  # pytest, vitest
    re.compile(r"^test result: \w+\. (\d+) passed", re.MULTILINE),  # cargo
    re.compile(r"^# tests (\d+)", re.MULTILINE),  # node --test
)


def count_tests(output: str) -> int | None:
    """The number of tests in a tool's output, None when it does not say."""
    for pattern in _PATTERNS:
        found = pattern.findall(output)
        if found:
            return int(found[-1])
    return None
