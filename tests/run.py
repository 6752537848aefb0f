"""``make test``: every suite, two lanes side by side, what is slow and what failed at the end."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "--durations=5", "--durations-min=1")


@dataclass(frozen=True)
class Suite:
    """One command; its output is kept until it ends, so that lanes do not mix."""

    name: str
    argv: tuple[str, ...]
    folder: Path = ROOT


# Lint and types come first: they are quick, and what they find makes the rest moot.
FIRST: Final = (
    Suite("check", ("make", "--no-print-directory", "check")),
    Suite("unit and replay", (*_PYTEST, "tests/unit", "tests/replay")),
)
# the longest files, to even out the lanes
_LONG: Final = tuple(f"tests/integration/test_{name}.py" for name in ("gates", "openapi", "log"))
LANES: Final[tuple[tuple[Suite, ...], ...]] = (
    (
        Suite(
            "integration", (*_PYTEST, "tests/integration", *(f"--ignore={name}" for name in _LONG))
        ),
    ),
    (
        Suite("frontend", ("npx", "--no-install", "vitest", "run"), ROOT / "frontend"),
        Suite("end to end", (*_PYTEST, "tests/e2e")),
        Suite("faults", (*_PYTEST, "-s", "tests/faults")),
        Suite("gates, openapi, log", (*_PYTEST, *_LONG)),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """How a suite ended."""

    name: str
    code: int
    seconds: float


async def _run(suite: Suite) -> Outcome:
    began = time.monotonic()
    print(f"--- {suite.name} ...", flush=True)  # noqa: T201 - progress
    process = await asyncio.create_subprocess_exec(
        *suite.argv,
        cwd=suite.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    outcome = Outcome(suite.name, process.returncode or 0, time.monotonic() - began)
    verdict = "passed" if outcome.code == 0 else f"FAILED with {outcome.code}"
    print(f"\n=== {suite.name}: {verdict} in {outcome.seconds:.0f} s\n", flush=True)  # noqa: T201
    print(output.decode(errors="replace").rstrip(), flush=True)  # noqa: T201
    return outcome


async def _lane(suites: Sequence[Suite]) -> list[Outcome]:
    return [await _run(suite) for suite in suites]


async def _main() -> int:
    began = time.monotonic()
    outcomes = await _lane(FIRST)
    for lane in await asyncio.gather(*(_lane(suites) for suites in LANES)):
        outcomes += lane
    print("\n=== summary")  # noqa: T201
    for outcome in outcomes:
        verdict = "passed" if outcome.code == 0 else "FAILED"
        print(f"{outcome.seconds:6.0f} s  {outcome.name:<16} {verdict}")  # noqa: T201
    failed = [outcome for outcome in outcomes if outcome.code != 0]
    print(f"{time.monotonic() - began:6.0f} s  in all")  # noqa: T201
    print(f"suites: {len(outcomes) - len(failed)} passed, {len(failed)} failed")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
