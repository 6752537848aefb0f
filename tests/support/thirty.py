"""A plan of thirty tasks with everything that goes wrong in one."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.scenario import Job, bash, finish, making, write
from workers.dev.demo.remote import git

ABSENT = """import os
import unittest


class {name}(unittest.TestCase):
    def test_there_is_no_legacy_module(self):
        self.assertFalse(os.path.exists("ledger/legacy.py"))
"""
FAILS = "TSK-028"
BLOCKED = ("TSK-029", "TSK-030")


def _name(number: int) -> str:
    return f"TSK-{number:03d}"


def _simple(number: int, *after: int) -> Job:
    text = f'"""Part {number}."""\n\nNUMBER = {number}\n'
    path = f"ledger/part{number:02d}.py"
    return making(_name(number), path, text, after=[_name(n) for n in after])


def _clashing(number: int, path: str) -> Job:
    """Two of these change the same line; the later one then adds a line of its own."""
    first = [[bash(f"sed -i '1s/.*/Title of {number}/' {path}")], [finish("Change the title")]]
    second = [[bash(f"echo 'Also {number}' >> {path}")], [finish("Add a line")]]
    return Job(_name(number), [first, second], files=[f"notes/{number}.txt"])


def thirty() -> list[Job]:
    """A diamond, a chain, a wave, two conflicting pairs, a clean merge that is wrong, a failure."""
    diamond = [_simple(1), _simple(2, 1), _simple(3, 1), _simple(4, 2, 3)]
    chain = [_simple(5), *(_simple(n, n - 1) for n in range(6, 10))]
    wave = [_simple(n) for n in range(10, 22)]
    pairs = [
        _clashing(22, "README.md"),
        _clashing(23, "README.md"),
        _clashing(24, "CONTRIBUTING.md"),
        _clashing(25, "CONTRIBUTING.md"),
    ]
    strict = Job(
        _name(26),
        [
            [[write("tests/test_absent.py", ABSENT.format(name="Absent"))], [finish("Forbid it")]],
            [[write("docs/legacy.md", "There is a legacy module.\n")], [finish("Describe it")]],
        ],
        files=["tests/test_absent.py"],
    )
    legacy = Job(
        _name(27),
        [
            [[write("ledger/legacy.py", "OLD = 1\n")], [finish("Add the legacy module")]],
            [[write("ledger/modern.py", "NEW = 1\n")], [finish("Add a modern module")]],
        ],
        files=["ledger/legacy.py"],
    )
    red = [[write("ledger/__init__.py", "raise ValueError\n")], [finish("Break it")]]
    fails = Job(FAILS, [red], files=["ledger/broken.py"])
    blocked = [_simple(29, 28), _simple(30, 29)]
    return [*diamond, *chain, *wave, *pairs, strict, legacy, fails, *blocked]


def red_heads(remote: Path, branch: str) -> list[str]:
    """Heads that the branch ever had whose tests are red in a fresh clone."""
    red: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        git(Path(scratch), "clone", "-q", "-b", branch, str(remote), str(clone))
        heads = git(clone, "rev-list", "--first-parent", "origin/main..HEAD").splitlines()
        for head in heads:
            git(clone, "checkout", "-q", "--detach", head)
            shutil.rmtree(clone / "ledger" / "__pycache__", ignore_errors=True)
            done = subprocess.run(
                [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."],
                cwd=clone,
                capture_output=True,
                check=False,
            )
            red += [head] if done.returncode != 0 else []
    return red
