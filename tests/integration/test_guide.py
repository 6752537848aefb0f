"""The examples of the API guide, as a person would run them: on port 18000, with curl."""

import asyncio
import re
import sys
from pathlib import Path
from shlex import quote
from shutil import which

import pytest

from models.contracts.phases import Phase
from tests.integration.test_revision import asking
from tests.support.stack import RunningStack

_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_PORT = 18_000


def script() -> str:
    """Every example in order: shell as it stands, Python through the interpreter of the tests."""
    parts = ["set -euo pipefail"]
    found = re.findall(
        r"^```(bash|python)\n(.*?)^```", _GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for number, (language, text) in enumerate(found):
        parts.append(f"echo '--- example {number + 1}'")
        python = f"{quote(sys.executable)} - <<'PYTHON'\n{text}PYTHON\n"
        parts.append(python if language == "python" else text)
    assert len(found) > 12
    return "\n".join(parts)


@pytest.mark.skipif(not (which("curl") and which("jq")), reason="the examples use curl and jq")
@pytest.mark.timeout(300)
async def test_the_guides_examples_run_as_they_stand(stack: RunningStack) -> None:
    project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PROJECT": str(project.id),
        "REPOSITORY": str(stack.remote()),
        "TOKEN": "local-mode-asks-for-none",
    }
    async with stack.another_api(_PORT):
        run = await asyncio.create_subprocess_exec(
            *("timeout", "200", "bash", "-c", script()),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await run.communicate()
    told = output.decode(errors="replace")
    assert run.returncode == 0, told[-4_000:]
    for expected in (
        '"can_push":true', "TASK_COMPLETED TSK-", "spec.phase_completed", '"already_exists":true',
        "claimed", "spec-not-found: ", '"outcome":"stored"', "Backlog: ",
    ):  # fmt: skip
        assert expected in told, (expected, told[-6_000:])
