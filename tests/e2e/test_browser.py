"""Journeys in real Chromium against the real stack; the steps are in ``frontend/e2e``."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import RunningStack
from workers.dev.demo.project import ensure_project

ROOT = Path(__file__).resolve().parents[2]


def chromium() -> str:
    found = subprocess.run(
        ["sh", "workers/dev/setup.sh", "chromium"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip().splitlines()[-1]


@pytest.mark.timeout(400)
async def test_journeys_in_chromium(stack: RunningStack) -> None:
    remote = stack.remote("browser")
    await ensure_project(stack.stack.status.database_url, "Ledger (demo)", remote)
    environment = {
        **os.environ,
        "CHROMIUM_PATH": chromium(),
        "API_URL": stack.stack.status.api_url,
    }
    process = await asyncio.create_subprocess_exec(
        "node", "--test", "--test-force-exit", "--test-timeout=120000", "--test-reporter=spec",
        "e2e/journeys.test.mjs",
        cwd=ROOT / "frontend", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    print(output.decode())  # noqa: T201 - the steps, for who reads the run
    assert process.returncode == 0, output.decode()[-4_000:]
