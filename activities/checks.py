"""Runs the project's own check in a clean sandbox at a commit, and keeps the evidence."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from temporalio import activity

from activities.commits import with_files_of
from activities.environments import Environments, working_folder
from activities.git import Git
from activities.heartbeats import Progress, heartbeating
from activities.junit import read_junit
from activities.mirror import Mirrors
from activities.repositories import import_bundle
from activities.sandboxes.port import CommandResult, Sandbox, SandboxProvider, SandboxSpec
from activities.sandboxes.workspace import Workspaces
from models.contracts.artifacts import ArtifactKind
from models.contracts.checks import (
    CheckEvidence,
    CheckPurpose,
    CriterionClaim,
    CriterionEvidence,
    RunCheck,
)
from models.rules.tampering import (
    FileChange,
    find_tampering,
    is_check_configuration,
    read_diff,
)
from models.rules.test_ids import is_test_id, single_test_command
from models.rules.test_reports import SuiteReport, failing_of, join_reports, read_output
from models.store import artifacts, plans, specs
from models.store.database import Database

_TAIL: Final = 4_000
_WITHIN: Final = timedelta(minutes=25)
_ONE_TEST: Final = timedelta(minutes=2)
_MOST_CLAIMS: Final = 50
_BEGAN: Final = "/journal/check-began"
_REPORTS: Final = (
    "find . -name node_modules -prune -o -name '*.xml' -size -4096k -newer /journal/check-began -print"
    " | head -n 20"
)
_PREFIX: Final = {
    CheckPurpose.BASELINE: "plan",
    CheckPurpose.TASK: "task",
    CheckPurpose.MERGE: "task",
    CheckPurpose.FINAL: "final",
}


@dataclass(frozen=True)
class _Subject:
    """What is checked: the commit with the base's configuration, and what the change did."""

    commit: str
    files: tuple[FileChange, ...] = ()
    restored: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()


class _Run:
    """Commands of one check in its sandbox, and their log."""

    def __init__(self, request: RunCheck, sandbox: Sandbox, progress: Progress) -> None:
        self._request = request
        self._sandbox = sandbox
        self._progress = progress
        self._cwd = working_folder(request.working_directory)
        self.log: list[str] = []

    def note(self, command: str, done: CommandResult) -> None:
        """Put a command and its output into the log."""
        self.log.append(f"$ {command}\n{done.stdout}{done.stderr}{_ending(done)}\n")

    async def run(
        self, command: str, *arguments: str, within: timedelta = _WITHIN
    ) -> CommandResult:
        """Run a command of the project where its commands run."""
        with self._progress.open_call():
            done = await self._sandbox.run(
                command,
                *arguments,
                cwd=self._cwd,
                env=self._request.environment.variables,
                within=within,
                on_output=self._progress.touch,
            )
        self.note(" ".join([command, *arguments]), done)
        return done

    async def report(self) -> SuiteReport:
        """What the tool says that it ran: its JUnit files, else its output."""
        found = await self._sandbox.run(_REPORTS, cwd=self._cwd)
        reports: list[SuiteReport] = []
        for path in found.stdout.splitlines():
            content = await self._sandbox.get(f"{self._cwd}/{path}")
            read = read_junit(content) if content is not None else None
            reports += [read] if read is not None else []
        return join_reports(reports) if reports else read_output("\n".join(self.log))


class CheckActivities:
    """Checks; idempotent by the request's key: finished evidence is returned, not made again."""

    def __init__(
        self,
        database: Database,
        mirrors: Mirrors,
        workspaces: Workspaces,
        environments: Environments,
        sandboxes: SandboxProvider,
        idle_threshold: timedelta,
    ) -> None:
        self._database = database
        self._mirrors = mirrors
        self._workspaces = workspaces
        self._environments = environments
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
            subject = await self._subject(request)
            evidence, log = await self._in_sandbox(request, subject, progress)
        async with self._database.begin() as session:
            ref = await artifacts.put(
                session, request.project_id, log.encode(), ArtifactKind.LOG, "text/plain"
            )
            evidence = evidence.model_copy(update={"log": ref})
            await specs.put_check(session, request.key, request.spec_id, evidence)
        return evidence

    async def _subject(self, request: RunCheck) -> _Subject:
        """What to check, with what people allowed and the failures that they accepted."""
        content, allowed, known = None, request.allowed, ()
        async with self._database.begin() as session:
            if request.bundle is not None:
                content, _ = await artifacts.get(session, request.bundle.sha256)
            if request.plan_approved and request.task_id is not None:
                planned = await plans.get_planned_task(session, request.task_id)
                allowed += planned.files if planned is not None else ()
            if request.baseline_accepted:
                baseline = await specs.latest_check(session, request.spec_id, "baseline")
                known = (baseline.failed_tests or ()) if baseline is not None else ()
        subject = _Subject(request.commit, allowed=allowed, known_failures=known)
        if content is None and request.base is None:
            return subject
        async with self._mirrors.locked(request.project_id) as mirror:
            if content is not None:
                await import_bundle(mirror, content, request.commit)
            if request.base is None:
                return subject
            return await _with_own_configuration(mirror.git, request, request.base, subject)

    async def _in_sandbox(
        self, request: RunCheck, subject: _Subject, progress: Progress
    ) -> tuple[CheckEvidence, str]:
        generation = hashlib.sha256(request.key.encode()).hexdigest()[:12]
        owner = request.task_id or request.spec_id
        name = f"{_PREFIX[request.purpose]}-{owner}-check-{generation}"
        labels = {"workflow": f"{'task' if request.task_id else 'spec'}-{owner}"}
        sandbox, _ = await self._sandboxes.ensure(SandboxSpec(name, labels))
        try:
            await self._workspaces.load(sandbox, request.project_id, subject.commit)
            return await self._prove(request, subject, sandbox, progress)
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._sandboxes.destroy(name))

    async def _prove(
        self, request: RunCheck, subject: _Subject, sandbox: Sandbox, progress: Progress
    ) -> tuple[CheckEvidence, str]:
        started = asyncio.get_running_loop().time()
        run = _Run(request, sandbox, progress)
        setup = await self._environments.prepare(
            sandbox,
            request.project_id,
            subject.commit,
            request.environment,
            request.working_directory,
            progress,
        )
        if setup.result is not None:
            run.note(request.environment.setup_command, setup.result)
        await sandbox.put(_BEGAN, b"")
        last = setup.result if setup.failed else await _commands(request, run)
        report = SuiteReport() if setup.failed else await run.report()
        output = "\n".join(run.log)
        new = failing_of(report.failed, subject.known_failures)
        only_old = report.lists and bool(report.failed) and not new
        green = last is not None and (last.exit_code == 0 or only_old)
        passed = green and not setup.failed
        criteria = await _show(request, run) if passed else ()
        counts = (request.tests_before, report.tests if passed else request.tests_before)
        evidence = CheckEvidence(
            purpose=request.purpose,
            commit=request.commit,
            command=request.environment.check_command,
            passed=passed,
            setup_failed=setup.failed,
            setup_cached=setup.cached,
            exit_code=last.exit_code if last is not None and not setup.failed else None,
            duration_seconds=round(asyncio.get_running_loop().time() - started, 3),
            tests=report.tests,
            skipped=report.skipped,
            failed_tests=report.failed if report.lists else None,
            base_failures=tuple(name for name in report.failed if name not in new),
            restored=subject.restored,
            tampering=find_tampering(
                subject.files,
                request.environment.check_command,
                request.working_directory,
                subject.allowed,
                counts,
            ),
            criteria=criteria,
            tail=output[-_TAIL:],
        )
        return evidence, "\n".join(run.log)


async def _with_own_configuration(
    git: Git, request: RunCheck, base: str, subject: _Subject
) -> _Subject:
    """The work with the base's files in the place of those that configure the check."""
    diff = await git.run(
        "-c", "core.quotePath=false", "diff", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--no-prefix", "--unified=0", base, request.commit, "--",
    )  # fmt: skip
    files = tuple(read_diff(diff.output.decode(errors="replace")))
    command, scope = request.environment.check_command, request.working_directory
    restored = tuple(
        file.path
        for file in files
        if file.path not in subject.allowed and is_check_configuration(file.path, command, scope)
    )
    commit = await with_files_of(git, request.commit, base, restored)
    return replace(subject, commit=commit, files=files, restored=restored)


async def _commands(request: RunCheck, run: _Run) -> CommandResult | None:
    """The project's check always, and the task's own in addition; the first red one ends it."""
    last: CommandResult | None = None
    for command in (request.environment.check_command, request.extra_command):
        if command:
            last = await run.run(command)
            if last.exit_code != 0:
                break
    return last


async def _show(request: RunCheck, run: _Run) -> tuple[CriterionEvidence, ...]:
    """Run each claimed test by its id: a criterion is shown by that alone."""
    line = single_test_command(request.environment.check_command)
    return tuple([await _show_one(claim, line, run) for claim in request.claims[:_MOST_CLAIMS]])


async def _show_one(claim: CriterionClaim, line: str | None, run: _Run) -> CriterionEvidence:
    found = CriterionEvidence(criterion_id=claim.criterion_id, test_id=claim.test_id, shown=False)
    if line is None:
        detail = "the project's tool runs no single test that we know how to name"
        return found.model_copy(update={"known": False, "detail": detail})
    if not is_test_id(claim.test_id):
        return found.model_copy(update={"detail": "this is not the id of a test"})
    done = await run.run(line, claim.test_id, within=_ONE_TEST)
    report = read_output(f"{done.stdout}\n{done.stderr}")
    if done.exit_code != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return found.model_copy(update={"detail": (lines or ["it failed"])[-1][:300]})
    if (report.tests or 0) <= (report.skipped or 0):
        return found.model_copy(update={"detail": "no test of this name was run"})
    return found.model_copy(update={"shown": True})


def _ending(done: CommandResult) -> str:
    if done.killed_by is not None:
        return f"\n[killed: over the limit of {done.killed_by}]"
    if done.timed_out:
        return "\n[killed: time-out]"
    return "" if done.exit_code == 0 else f"\n[exit code {done.exit_code}]"
