"""Checks: the project's own commands, and the evidence of having run them."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId, TaskId
from models.contracts.projects import Environment
from models.contracts.repositories import SHA_PATTERN


class CheckPurpose(StrEnum):
    """What a check proves."""

    BASELINE = "baseline"
    TASK = "task"
    MERGE = "merge"
    FINAL = "final"


class CriterionClaim(Payload):
    """The agent's claim that a test shows a criterion."""

    criterion_id: str
    test_id: str


class CriterionEvidence(Payload):
    """Whether the test that an agent named shows a criterion: it ran by its id and passed.

    ``known`` is False when the project's tool cannot run one test by an id.
    """

    criterion_id: str
    test_id: str
    shown: bool
    known: bool = True
    detail: str = ""


class Tampering(Payload):
    """What a change does to the project's own proof; ``path`` is empty for a count."""

    kind: Literal[
        "fewer_tests", "deleted_test", "skipped_test", "check_configuration", "exits_early"
    ]
    path: str
    detail: str


class RunCheck(Payload):
    """Set up a clean sandbox at ``commit`` and run the project's check in it.

    ``bundle`` brings commits that the mirror does not have yet. ``key`` makes it idempotent: the
    evidence of a finished run is returned, not made again. ``base`` is where the files come from
    that configure the check, but for the ``allowed`` ones; ``plan_approved`` allows those that the
    task's plan names. ``tests_before`` were collected at the base; with
    ``baseline_accepted`` what failed there may go on failing. ``claims`` are run by their ids once the check is green.
    """

    key: str
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId | None = None
    purpose: CheckPurpose
    commit: str = Field(pattern=SHA_PATTERN)
    bundle: ArtifactRef | None = None
    environment: Environment
    extra_command: str | None = None
    working_directory: str = ""
    base: str | None = None
    allowed: tuple[str, ...] = ()
    plan_approved: bool = False
    tests_before: int | None = None
    baseline_accepted: bool = False
    claims: tuple[CriterionClaim, ...] = ()


class CheckEvidence(Payload):
    """What a check did.

    ``exit_code`` is None when the command never ran (set-up failed). ``tests`` is None when the
    tool did not say how many ran. ``tail`` is the end of the output, at most 4,000 characters.
    ``failed_tests`` are those that the tool named, None when it names none; ``base_failures`` of
    them failed at the base already. ``restored`` are the files that were taken from the base.
    ``setup_cached`` says that a kept environment was used.
    """

    purpose: CheckPurpose
    commit: str
    command: str
    passed: bool
    setup_failed: bool = False
    setup_cached: bool = False
    exit_code: int | None
    duration_seconds: float
    tests: int | None = None
    skipped: int | None = None
    failed_tests: tuple[str, ...] | None = None
    base_failures: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    tampering: tuple[Tampering, ...] = ()
    criteria: tuple[CriterionEvidence, ...] = ()
    tail: str
    log: ArtifactRef | None = None


class TaskRound(Payload):
    """A check of a task's round, with its evidence."""

    round: int
    check: CheckEvidence
    at: datetime
