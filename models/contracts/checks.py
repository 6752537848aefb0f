"""Checks: the project's own commands, and the evidence of having run them."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId, TaskId
from models.contracts.repositories import SHA_PATTERN


class CheckPurpose(StrEnum):
    """What a check proves."""

    BASELINE = "baseline"
    TASK = "task"
    MERGE = "merge"
    FINAL = "final"


class RunCheck(Payload):
    """Set up a clean sandbox at ``commit`` and run the project's check in it.

    ``bundle`` brings commits that the mirror does not have yet. ``key`` makes it idempotent: the
    evidence of a finished run is returned, not made again.
    """

    key: str
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId | None = None
    purpose: CheckPurpose
    commit: str = Field(pattern=SHA_PATTERN)
    bundle: ArtifactRef | None = None
    setup_command: str = ""
    check_command: str
    extra_command: str | None = None
    working_directory: str = ""


class CheckEvidence(Payload):
    """What a check did.

    ``exit_code`` is None when the command never ran (set-up failed). ``tests`` is None when the
    tool did not say how many ran. ``tail`` is the end of the output, at most 4,000 characters.
    """

    purpose: CheckPurpose
    commit: str
    command: str
    passed: bool
    setup_failed: bool = False
    exit_code: int | None
    duration_seconds: float
    tests: int | None = None
    tail: str
    log: ArtifactRef | None = None


class TaskRound(Payload):
    """A check of a task's round, with its evidence."""

    round: int
    check: CheckEvidence
    at: datetime
