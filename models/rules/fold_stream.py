"""Folds a whole stream: the same for the store, for a look at the past and for a rebuild."""

from dataclasses import dataclass, field
from datetime import datetime

from models.contracts.base import GateId, TaskId
from models.contracts.events import Event, Fact, ViewFragment, read_fact
from models.contracts.gates import Gate
from models.contracts.history import StreamView
from models.contracts.questions import Question, QuestionId
from models.contracts.sandboxes import SandboxView
from models.contracts.specs import SpecView
from models.contracts.tasks import TaskView
from models.rules.fold import fold, task_of


@dataclass
class StreamState:
    """The views of one stream, put forward fact by fact; only what is touched need be there."""

    seq: int = 0
    spec: SpecView | None = None
    tasks: dict[TaskId, TaskView] = field(default_factory=dict[TaskId, TaskView])
    gates: dict[GateId, Gate] = field(default_factory=dict[GateId, Gate])
    questions: dict[QuestionId, Question] = field(default_factory=dict[QuestionId, Question])
    sandboxes: dict[str, SandboxView] = field(default_factory=dict[str, SandboxView])

    def apply(self, fact: Fact, at: datetime, seq: int) -> ViewFragment:
        """Put the views forward by one fact, and say which of them changed."""
        task_id = task_of(fact)
        before = self.tasks.get(task_id) if task_id is not None else None
        changed = fold(self.spec, before, fact, at, seq)
        self.spec = changed.spec or self.spec
        if changed.task is not None:
            self.tasks[changed.task.id] = changed.task
        if changed.gate is not None:
            self.gates[changed.gate.id] = changed.gate
        if changed.question is not None:
            self.questions[changed.question.id] = changed.question
        if changed.sandbox is not None:
            self.sandboxes[changed.sandbox.id] = changed.sandbox
        return changed

    def replay(self, event: Event) -> None:
        """Put the views forward by a stored event; claims and unknown types change nothing."""
        fact = None if event.claimed else read_fact(event.event_type, event.phase, event.data)
        if fact is not None:
            self.apply(fact, event.created_at, event.seq)
        self.seq = event.seq

    def view(self) -> StreamView:
        """What the stream says now."""
        return StreamView(
            seq=self.seq,
            spec=self.spec,
            tasks=tuple(sorted(self.tasks.values(), key=lambda t: (t.position, t.local_id))),
            gates=tuple(sorted(self.gates.values(), key=lambda g: (g.opened_at, g.id))),
            questions=tuple(sorted(self.questions.values(), key=lambda q: (q.asked_at, q.id))),
            sandboxes=tuple(sorted(self.sandboxes.values(), key=lambda s: (s.since, s.id))),
        )

    @classmethod
    def of(cls, view: StreamView) -> "StreamState":
        """The state that goes on from a view."""
        return cls(
            seq=view.seq,
            spec=view.spec,
            tasks={task.id: task for task in view.tasks},
            gates={gate.id: gate for gate in view.gates},
            questions={question.id: question for question in view.questions},
            sandboxes={sandbox.id: sandbox for sandbox in view.sandboxes},
        )
