"""Sets a project up in a sandbox: from a kept layer where its lock files are the same."""

import asyncio
import fcntl
import hashlib
import platform
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from activities.heartbeats import Progress
from activities.mirror import Mirrors
from activities.sandboxes.port import WORKSPACE, CommandResult, Sandbox
from models.contracts.base import ProjectId
from models.contracts.projects import Environment
from models.errors import InvalidInput
from models.rules.paths import is_inside

WITHIN: Final = timedelta(minutes=20)
_LOCKS: Final = re.compile(
    r"(^|/)(requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(py|cfg)|uv\.lock"
    r"|poetry\.lock|Pipfile(\.lock)?|pdm\.lock|environment\.ya?ml|package(-lock)?\.json"
    r"|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|\.npmrc|go\.(mod|sum)|Cargo\.(toml|lock)"
    r"|Gemfile(\.lock)?|composer\.(json|lock))$"
)


@dataclass(frozen=True)
class SetUp:
    """How set-up went; ``result`` is None when there was nothing to run, or a layer was used."""

    result: CommandResult | None
    cached: bool = False

    @property
    def failed(self) -> bool:
        """True when the command was red."""
        return self.result is not None and self.result.exit_code != 0


def working_folder(scope: str) -> str:
    """The folder in the sandbox that a project's commands run in.

    Raises:
        InvalidInput: it is not a path inside the repository.
    """
    if scope and not is_inside(scope):
        msg = "The working directory must be a path inside the repository."
        raise InvalidInput(msg, code="invalid-working-directory")
    return f"{WORKSPACE}/{scope}" if scope else WORKSPACE


class Environments:
    """Environments by host, lock files, command and what they may reach; ``root`` holds the locks."""

    def __init__(self, mirrors: Mirrors, root: Path) -> None:
        self._mirrors = mirrors
        self._root = root

    async def prepare(
        self,
        sandbox: Sandbox,
        project_id: ProjectId,
        commit: str,
        environment: Environment,
        scope: str,
        progress: Progress,
    ) -> SetUp:
        """Run set-up in a workspace that was just loaded, or use what it made before.

        Only set-up has a network, and of that the hosts that the project names.
        """
        if not environment.setup_command:
            return SetUp(None)
        key = await self._key(project_id, commit, environment, scope)
        async with self._locked(key):
            with progress.open_call():
                if await sandbox.use_layer(key):
                    return SetUp(None, cached=True)
                done = await sandbox.run(
                    environment.setup_command,
                    cwd=working_folder(scope),
                    env=environment.variables,
                    within=WITHIN,
                    on_output=progress.touch,
                    network=environment.network_for_setup,
                )
                if done.exit_code == 0:
                    await sandbox.keep_layer(key)
        return SetUp(done)

    async def _key(
        self, project_id: ProjectId, commit: str, environment: Environment, scope: str
    ) -> str:
        git = await self._mirrors.ensure_commit(project_id, commit)
        listed = (await git.run("ls-tree", "-r", "-z", commit)).output.decode(errors="replace")
        locks = [line for line in listed.split("\0") if _LOCKS.search(line.partition("\t")[2])]
        parts = [
            platform.platform(), platform.python_version(), str(project_id), scope,
            environment.model_dump_json(exclude={"confirmed", "check_command"}), *locks,
        ]  # fmt: skip
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncGenerator[None]:
        """One set-up at a time for a key on this host."""
        self._root.mkdir(parents=True, exist_ok=True)
        lock = (self._root / f"{key}.lock").open("w")
        try:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield
        finally:
            lock.close()
