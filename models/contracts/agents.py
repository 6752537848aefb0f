"""What people and agents say to each other while a task runs, and how its work is kept."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId, TaskId

MESSAGE_LIMIT = 10_000


class AskedQuestion(Payload):
    """What an agent asks; ``call_id`` is the tool call that the answer goes to."""

    call_id: str
    question: str
    options: tuple[str, ...] = ()
    assumed_answer: str


class PostMessage(Payload):
    """A person's message to a task's agent; ``id`` makes it idempotent."""

    id: str
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId
    local_id: str
    text: str = Field(min_length=1, max_length=MESSAGE_LIMIT)
    by: str


class InboxMessage(Payload):
    """A message as it is stored; ``round`` and ``turn`` say when the agent got it, None before."""

    id: UUID
    task_id: TaskId
    text: str
    by: str
    sent_at: datetime
    round: int | None = None
    turn: int | None = None


class Checkpoint(Payload):
    """An agent's work in progress: a bundle ``base..commit`` whose last commit is not the agent's.

    ``head`` is the commit that the agent's branch stood at.
    """

    base: str
    head: str
    commit: str
    bundle: ArtifactRef
