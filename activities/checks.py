"""Runs the project's own check in a clean sandbox at a commit, and keeps the evidence."""

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Final

from temporalio import activity

from activities.heartbeats import Progress, heartbeating
from activities.mirror import Mirrors
from activities.repositories import import_bundle
from activities.sandboxes.port import (
    WORKSPACE,
    CommandResult,
    Sandbox,
    SandboxProvider,
    SandboxSpec,
)
from activities.sandboxes.workspace import Workspaces
from models.contracts.artifacts import ArtifactKind
from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
from models.errors import InvalidInput
from models.rules.paths import is_inside
from models.rules.test_counts import count_tests
from models.store import artifacts, specs
from models.store.database import Database

_TAIL: Final = 4_000
_WITHIN: Final = timedelta(minutes=25)
_PREFIX: Final = {
    CheckPurpose.BASELINE: "plan",
    CheckPurpose.TASK: "task",
    CheckPurpose.MERGE: "task",
    CheckPurpose.FINAL: "final",
}


class CheckActivities:
    """Checks; idempotent by the request's key: finished evidence is returned, not made again."""

    def __init__(
        self,
        database: Database,
        mirrors: Mirrors,
        workspaces: Workspaces,
        sandboxes: SandboxProvider,
        idle_threshold: timedelta,
    ) -> None:
        self._database = database
        self._mirrors = mirrors
        self._workspaces = workspaces
        self._sandboxes = sandboxes
        self._idle_threshold = idle_threshold

    @activity.defn
    async def run_check(self, request: RunCheck) -> CheckEvidence:
        """Set up at the commit and run the check; a red result is evidence, not an error."""
        async with self._database.begin() as session:
            known = await specs.get_check(session, request.key)
        if known is not None:
            return known
        async with heartbeating(self._idle_threshold) as progress:
            if request.bundle is not None:
                await self._bring(request)
            evidence, log = await self._in_sandbox(request, progress)
        async with self._database.begin() as session:
            ref = await artifacts.put(
                session, request.project_id, log.encode(), ArtifactKind.LOG, "text/plain"
            )
            evidence = evidence.model_copy(update={"log": ref})
            await specs.put_check(session, request.key, request.spec_id, evidence)
        return evidence

    async def _bring(self, request: RunCheck) -> None:
        if request.bundle is None:
            return
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, request.bundle.sha256)
        async with self._mirrors.locked(request.project_id) as mirror:
            await import_bundle(mirror, content, request.commit)

    async def _in_sandbox(self, request: RunCheck, progress: Progress) -> tuple[CheckEvidence, str]:
        generation = hashlib.sha256(request.key.encode()).hexdigest()[:12]
        owner = request.task_id or request.spec_id
        name = f"{_PREFIX[request.purpose]}-{owner}-check-{generation}"
        sandbox, _ = await self._sandboxes.ensure(SandboxSpec(name))
        try:
            await self._workspaces.load(sandbox, request.project_id, request.commit)
            return await self._prove(request, sandbox, progress)
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._sandboxes.destroy(name))

    async def _prove(
        self, request: RunCheck, sandbox: Sandbox, progress: Progress
    ) -> tuple[CheckEvidence, str]:
        started = asyncio.get_running_loop().time()
        scope = request.working_directory
        if scope and not is_inside(scope):
            msg = "The working directory must be a path inside the repository."
            raise InvalidInput(msg, code="invalid-working-directory")
        cwd = f"{WORKSPACE}/{scope}" if scope else WORKSPACE
        log: list[str] = []

        async def run(command: str) -> CommandResult:
            with progress.open_call():
                done = await sandbox.run(command, cwd=cwd, within=_WITHIN, on_output=progress.touch)
            log.append(f"$ {command}\n{done.stdout}{done.stderr}{_ending(done)}\n")
            return done

        setup_failed = False
        commands = [c for c in (request.check_command, request.extra_command) if c]
        last: CommandResult | None = None
        if request.setup_command:
            last = await run(request.setup_command)
            setup_failed = last.exit_code != 0
        for command in [] if setup_failed else commands:
            last = await run(command)
            if last.exit_code != 0:
                break
        output = "\n".join(log)
        passed = not setup_failed and last is not None and last.exit_code == 0 and bool(commands)
        evidence = CheckEvidence(
            purpose=request.purpose,
            commit=request.commit,
            command=request.check_command,
            passed=passed,
            setup_failed=setup_failed,
            exit_code=last.exit_code if last is not None and not setup_failed else None,
            duration_seconds=round(asyncio.get_running_loop().time() - started, 3),
            tests=count_tests(output),
            tail=output[-_TAIL:],
        )
        return evidence, output


def _ending(done: CommandResult) -> str:
    if done.killed_by is not None:
        return f"\n[killed: over the limit of {done.killed_by}]"
    if done.timed_out:
        return "\n[killed: time-out]"
    return "" if done.exit_code == 0 else f"\n[exit code {done.exit_code}]"
