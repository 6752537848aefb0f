"""A spec at any moment of its past, and the run behind it."""

from datetime import datetime
from typing import Literal

from models.contracts.base import Payload
from models.contracts.gates import Gate
from models.contracts.questions import Question
from models.contracts.sandboxes import SandboxView
from models.contracts.specs import SpecView
from models.contracts.tasks import TaskView


class StreamView(Payload):
    """Everything that a stream's events say up to ``seq``.

    Tasks are in plan order, retired ones too; gates, questions and sandboxes by age.
    """

    seq: int = 0
    spec: SpecView | None = None
    tasks: tuple[TaskView, ...] = ()
    gates: tuple[Gate, ...] = ()
    questions: tuple[Question, ...] = ()
    sandboxes: tuple[SandboxView, ...] = ()


class HistoryEntry(Payload):
    """One step of a run.

    ``id`` is the event's in Temporal's history, or the ``seq`` of our own log; ``name`` says which
    phase, activity, task or message.
    """

    id: int
    at: datetime
    kind: Literal["run", "phase", "attempt", "task", "activity", "message", "timer", "gate"]
    name: str
    state: str
    detail: str = ""
    tries: int = 1
    link: str | None = None


class HistoryPage(Payload):
    """One page of a run's history, oldest first.

    ``source`` is ``temporal``, or ``log`` once Temporal keeps the run no more; ``link`` leads into
    the Temporal Web UI.
    """

    items: tuple[HistoryEntry, ...]
    next_cursor: str | None = None
    source: Literal["temporal", "log"]
    link: str | None = None
