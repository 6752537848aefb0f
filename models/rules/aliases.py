"""The board's event names of the seeds, and what an event is about."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from models.contracts.events import EventLine

ALIASES: Final[dict[str, str]] = {
    "spec.ticket_created": "TICKET_CREATED",
    "ticket.moved": "TICKET_PHASE_ADVANCED",
    "spec.task_created": "TASK_CREATED",
    "task.provisioning": "TASK_ASSIGNED",
    "task.merged": "TASK_COMPLETED",
    "task.check_failed": "TASK_VALIDATION_FAILED",
    "sandbox.spawned": "SANDBOX_SPAWNED",
    "agent.completed": "SANDBOX_agent.completed",
    "agent.failed": "SANDBOX_agent.failed",
}
ENTITY_TYPES: Final = ("project", "spec", "ticket", "task", "sandbox", "gate", "question")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: all that a filter asks for, so that the event need not be kept.

    ``entities`` are ids by kind; ``kind`` and ``entity_id`` name the one whose story it belongs to.
    """

    event_type: str
    project_id: UUID
    task_id: UUID | None
    entities: dict[str, str]
    kind: str
    entity_id: str


def subject_of(line: EventLine) -> Subject:
    """What an event is about."""
    found = _entities_of(line)
    kind, entity_id = list(found.items())[-1]
    if line.event_type.startswith("ticket.") or line.event_type == "spec.ticket_created":
        kind, entity_id = "ticket", found.get("ticket", found["project"])
    return Subject(line.event_type, line.project_id, line.task_id, found, kind, entity_id)


def _entities_of(line: EventLine) -> dict[str, str]:
    """Ids by kind, the closest last."""
    ids = (
        line.project_id,
        line.spec_id,
        line.ticket_id,
        line.task_id,
        line.sandbox_id,
        line.gate_id,
        line.question_id,
    )
    return {
        kind: str(value) for kind, value in zip(ENTITY_TYPES, ids, strict=True) if value is not None
    }


@dataclass(frozen=True)
class EventFilter:
    """Which events a follower wants; an empty set means all.

    A type is ours or its name of the seeds.
    """

    event_types: frozenset[str] = field(default_factory=frozenset[str])
    entity_types: frozenset[str] = field(default_factory=frozenset[str])
    entity_ids: frozenset[str] = field(default_factory=frozenset[str])

    def takes(self, subject: Subject) -> bool:
        """True when the event passes every set that is not empty."""
        if self.event_types:
            names = {subject.event_type, ALIASES.get(subject.event_type, subject.event_type)}
            if not names & self.event_types:
                return False
        if self.entity_types and subject.kind not in self.entity_types:
            return False
        return not self.entity_ids or not self.entity_ids.isdisjoint(subject.entities.values())
