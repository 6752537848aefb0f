"""The trace from requirement to commit."""

from models.contracts.base import Payload


class TraceRow(Payload):
    """One requirement with the tasks that serve it, their merge commits and checks."""

    requirement_id: str
    title: str
    priority: str
    task_ids: tuple[str, ...]
    commits: tuple[str, ...]
    criteria: tuple[str, ...]
    status: str


class Trace(Payload):
    """The whole trace of a spec, in the order of its requirements."""

    items: tuple[TraceRow, ...]
