"""``make screenshots``: runs the demo up to a gate and to its end, and takes pictures."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from models.contracts.phases import Phase
from models.contracts.projects import GatePolicy
from tests.support.stack import quick_settings, running_stack
from workers.dev.config import ROOT
from workers.dev.demo.documents import FEATURE
from workers.dev.demo.project import ensure_project


async def _main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch)) as stack:
            remote = stack.remote("shots")
            url = stack.stack.status.database_url
            await ensure_project(url, "Ledger (demo)", remote)
            done = await stack.launch(await stack.project(remote), FEATURE)
            await stack.until_closed(done)
            gates = {**quick_settings().gates, Phase.REQUIREMENTS: GatePolicy(mode="ask")}
            asking = await stack.project(remote, quick_settings(gates=gates))
            await stack.gate(await stack.launch(asking, FEATURE))
            process = await asyncio.create_subprocess_exec(
                "node", "e2e/screenshots.mjs", stack.stack.status.api_url, str(ROOT / "screenshots"),
                cwd=ROOT / "frontend", env=dict(os.environ),
            )  # fmt: skip
            return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
