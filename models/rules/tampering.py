"""What a change does to the project's own proof: tests gone, skipped or ended early, another check.

Read from the diff alone, so nothing that the change runs can hide it. A finding is no verdict: it
goes back to the agent once, then to a person.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from models.contracts.checks import Tampering

_TEST_PATH: Final = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testing)/|(^|/)test_[^/]*\.py$|_test\.(py|go|rb)$"
    r"|\.(test|spec)\.[cm]?[jt]sx?$|(^|/)tests\.rs$"
)
_DEFINITIONS: Final = (
    re.compile(r"^\s*(?:async\s+)?def\s+(test\w*)"),
    re.compile(r"^\s*class\s+(Test\w*|\w+Tests?)\b"),
    re.compile(r"^\s*(?:it|test)(?:\.\w+)*\(\s*['\"`](.+?)['\"`]"),
    re.compile(r"^func\s+(Test\w+)"),
    re.compile(r"^\s*#\[(?:\w+::)?(test)\b"),
)
_SKIPS: Final = re.compile(
    r"@(?:pytest\.mark|mark)\.(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|importorskip)\("
    r"|@(?:unittest\.)?(?:skip|skipIf|skipUnless|expectedFailure)\b|\.skipTest\(|\bSkipTest\b"
    r"|\b(?:it|test|describe)\.(?:skip|todo|only)\b|\bx(?:it|describe|test)\("
    r"|\bt\.Skip(?:f|Now)?\(|#\[ignore|\bskip:\s*true\b"
)
_CODE: Final = re.compile(r"\.(py|go|rs|rb|java|kt|php|[cm]?[jt]sx?)$")
_EXITS: Final = re.compile(r"\bos\._exit\(")
_EXITS_IN_TESTS: Final = re.compile(
    r"\b(?:sys\.exit|os\.Exit|process\.exit|std::process::exit|exit)\(\s*0?\s*\)"
)
_CONFIGURATION: Final = re.compile(
    r"(^|/)(conftest\.py|sitecustomize\.py|usercustomize\.py|\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg"
    r"|pyproject\.toml|noxfile\.py|package\.json|\.mocharc\.[a-z]+|Cargo\.toml|build\.rs|Makefile"
    r"|GNUmakefile|[^/]+\.mk|[Jj]ustfile|Taskfile\.ya?ml|Rakefile|pom\.xml|build\.gradle(\.kts)?"
    r"|(jest|vitest|vite|karma|playwright|cypress)\.(config|conf)\.[cm]?[jt]s|vitest\.workspace\.[jt]s"
    r"|\.cargo/.*|node_modules/.*|\.coveragerc)$"
)
_INTERPRETER: Final = re.compile(
    r"(?:/\S*/)?(?:ba|da|z)?sh|(?:/\S*/)?(?:python[\d.]*|node|ruby|perl|bun|deno)"
)
_SHADOWS: Final = re.compile(r"^(unittest|pytest|_pytest|doctest|nose|asyncio|sys|os)(\.py$|/)")


@dataclass
class FileChange:
    """A file of a diff: what was taken out and what was put in, line by line."""

    path: str
    deleted: bool = False
    removed: list[str] = field(default_factory=list[str])
    added: list[str] = field(default_factory=list[str])


def read_diff(diff: str) -> list[FileChange]:
    """The files of a unified diff that was made without renames and without prefixes."""
    files: list[FileChange] = []
    in_hunk = False
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            files.append(FileChange(_path(line)))
            in_hunk = False
        elif line.startswith("@@"):
            in_hunk = True
        elif not files:
            continue
        elif not in_hunk:
            files[-1].deleted |= line.startswith("deleted file mode")
        elif line.startswith("-"):
            files[-1].removed.append(line[1:])
        elif line.startswith("+"):
            files[-1].added.append(line[1:])
    return files


def _path(header: str) -> str:
    """The path of ``diff --git PATH PATH``, both halves being the same."""
    names = header.removeprefix("diff --git ")
    half = names[: len(names) // 2]
    return half.strip().strip('"')


def is_check_configuration(path: str, command: str, working_directory: str) -> bool:
    """True for a file that says how the check runs, that it runs, or that shadows its tool."""
    if _CONFIGURATION.search(path):
        return True
    scope = PurePosixPath(working_directory or ".")
    inside = PurePosixPath(path)
    relative = str(inside.relative_to(scope)) if inside.is_relative_to(scope) else path
    if _SHADOWS.match(relative):
        return True
    modules = re.findall(r"-m\s+([\w.]+)", command)
    shadowing = {f"{m.split('.')[0]}.py" for m in modules} | {m.split(".")[0] for m in modules}
    return relative in _scripts(command) or relative.split("/")[0] in shadowing


def _scripts(command: str) -> set[str]:
    """Files that a shell line runs, by themselves or by an interpreter."""
    found: set[str] = set()
    for part in re.split(r"&&|\|\||[;|&\n]", command):
        words = [word for word in part.split() if not re.match(r"\w+=", word)]
        if words and _INTERPRETER.fullmatch(words[0]):
            words = [word for word in words[1:] if not word.startswith("-")]
            if "-m" in part.split() or "-c" in part.split():
                continue
        if words and ("/" in words[0] or "." in words[0]):
            found.add(str(PurePosixPath(words[0])))
    return found


def find_tampering(
    files: Sequence[FileChange],
    command: str,
    working_directory: str,
    allowed: Sequence[str],
    counts: tuple[int | None, int | None] = (None, None),
) -> tuple[Tampering, ...]:
    """What the change does to the proof.

    Args:
        files: the change.
        command: the project's check.
        working_directory: where it runs.
        allowed: paths whose change a person approved.
        counts: tests collected before and after; None where it is not known.
    """
    before, after = counts
    found: list[Tampering] = []
    if before is not None and (after is None or after < before):
        told = (
            f"{after if after is not None else 'an unknown number of'} tests ran, {before} before"
        )
        found.append(Tampering(kind="fewer_tests", path="", detail=told))
    kept = {name for file in files for name in _names(file.added)}
    for file in files:
        if file.path not in allowed:
            found += _of_file(file, kept, command, working_directory)
    return tuple(found)


def _of_file(
    file: FileChange, kept: set[str], command: str, working_directory: str
) -> Iterator[Tampering]:
    in_tests = _TEST_PATH.search(file.path) is not None
    if is_check_configuration(file.path, command, working_directory):
        detail = "this file configures the check; the base's is used"
        yield Tampering(kind="check_configuration", path=file.path, detail=detail)
    if in_tests:
        for name in dict.fromkeys(_names(file.removed)):
            if name not in kept or name == "test":
                yield Tampering(kind="deleted_test", path=file.path, detail=name)
    for line in file.added if _CODE.search(file.path) else ():
        if _SKIPS.search(line):
            yield Tampering(kind="skipped_test", path=file.path, detail=line.strip()[:200])
        if _EXITS.search(line) or (in_tests and _EXITS_IN_TESTS.search(line)):
            yield Tampering(kind="exits_early", path=file.path, detail=line.strip()[:200])


def _names(lines: Sequence[str]) -> Iterator[str]:
    """Names of the tests that lines define."""
    for line in lines:
        for pattern in _DEFINITIONS:
            match = pattern.match(line)
            if match is not None:
                yield match.group(1)


def told(findings: Sequence[Tampering]) -> str:
    """Findings as a person and an agent read them."""
    words = {
        "fewer_tests": "Fewer tests were collected",
        "deleted_test": "A test is gone",
        "skipped_test": "A test is skipped",
        "check_configuration": "The check's configuration was changed",
        "exits_early": "Something ends the process early",
    }
    return "\n".join(
        f"- {words[f.kind]}{f' in {f.path}' if f.path else ''}: {f.detail}" for f in findings[:50]
    )
