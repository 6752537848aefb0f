"""How a project's own tool runs one test by its id."""

import re
from typing import Final

# The id is handed over as the shell's "$1": no word of a model's is ever part of a command.
_ID: Final = re.compile(r"[\w./:\[\]=,+ ()<>#@'\"!?-]{1,300}")
_TOOLS: Final = (
    (r"\bpytest\b", 'python3 -m pytest -q -- "$1"'),
    (r"\bunittest\b", 'python3 -m unittest -v -- "$1"'),
    (r"\bgo test\b", 'go test -v -run "^$1\\$" ./...'),
    (r"\bcargo test\b", 'cargo test -- --exact "$1"'),
    (r"\bvitest\b", 'npx --no-install vitest run -t "$1"'),
    (r"\bjest\b", 'npx --no-install jest -t "$1"'),
    (r"\bnode\b.*--test\b", 'node --test --test-name-pattern "$1"'),
)


def single_test_command(check_command: str) -> str | None:
    """A shell line that runs the test whose id is ``$1``; None for a tool that is not known."""
    for pattern, line in _TOOLS:
        if re.search(pattern, check_command):
            return line
    return None


def is_test_id(test_id: str) -> bool:
    """True for what may be the id of a test, and is no option."""
    return _ID.fullmatch(test_id) is not None and not test_id.startswith("-")
