"""Sandboxes as people read them, and what one may say over HTTP."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictInt, StringConstraints

from models.contracts.base import Payload, ProjectId, Request, SpecId, TaskId

SandboxName = Annotated[
    str, StringConstraints(pattern=r"^[a-z]+-[0-9a-f-]{36}(-[a-z0-9-]{1,40})?$", max_length=100)
]
POSTED_LIMIT = 500


class SandboxState(StrEnum):
    """States of a sandbox."""

    CREATING = "creating"
    READY = "ready"
    IDLE = "idle"
    LOST = "lost"
    TERMINATED = "terminated"


class SandboxView(Payload):
    """A sandbox; ``since`` is when its state began.

    ``id`` is ours. A spec's planning sandbox, ``plan-{spec_id}``, is a name for its planner: it has
    no machine of its own.
    """

    id: str
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId | None = None
    purpose: Literal["plan", "task"] = "task"
    provider: str
    state: SandboxState
    since: datetime


class SandboxPage(Payload):
    """One page of sandboxes, newest first; ``next_cursor`` is None on the last."""

    items: tuple[SandboxView, ...]
    next_cursor: str | None = None


class SandboxToken(Payload):
    """A sandbox's own token: shown once, stored as a hash, good for that sandbox alone."""

    token: str
    sandbox_id: str
    expires_at: datetime


class AskToken(Request):
    """How long the token is good for, in minutes."""

    minutes: StrictInt = Field(default=60, ge=1, le=24 * 60)


class PostedEvent(Request):
    """An event as a sandbox posts it: the wire form of the seeds.

    ``dedup_key`` makes it idempotent; without one the hash of the event does. ``spec_id``, where
    given, is the sandbox's own.
    """

    event_type: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]{0,99}$")]
    timestamp: datetime | None = None
    spec_id: SpecId | None = None
    phase: Annotated[str, StringConstraints(max_length=40)] | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue], max_length=200)
    dedup_key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class PostEvents(Request):
    """Events in order, at most 500."""

    events: tuple[PostedEvent, ...] = Field(min_length=1, max_length=POSTED_LIMIT)


class PostedResult(Payload):
    """What became of one posted event.

    ``stored`` and folded; ``claimed``: kept, but who posted it may not say so, and it changed
    nothing; ``duplicate``: known before, ``seq`` is the first one's.
    """

    seq: int
    outcome: Literal["stored", "claimed", "duplicate"]
    code: str | None = None


class PostedResults(Payload):
    """One result for each posted event, in their order."""

    results: tuple[PostedResult, ...]
