"""The board's event names of the seeds, and what an event is about."""

from dataclasses import dataclass, field
from typing import Final

from models.contracts.events import Event

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


def entities_of(event: Event) -> dict[str, str]:
    """What an event is about: ids by kind, the closest last."""
    found: dict[str, str] = {"project": str(event.project_id)}
    if event.spec_id is not None:
        found["spec"] = str(event.spec_id)
    ticket = event.data.get("ticket_id")
    view = event.view
    if view is not None and view.task is not None:
        ticket = str(view.task.ticket_id)
    if isinstance(ticket, str):
        found["ticket"] = ticket
    if event.task_id is not None:
        found["task"] = str(event.task_id)
    if event.sandbox_id is not None:
        found["sandbox"] = event.sandbox_id
    for kind in ("gate", "question"):
        part = event.data.get(kind)
        if isinstance(part, dict) and isinstance(part.get("id"), str):
            found[kind] = str(part["id"])
    return found


def closest(event: Event) -> tuple[str, str]:
    """The kind and id of the entity whose story an event belongs to."""
    found = entities_of(event)
    if event.event_type.startswith("ticket.") or event.event_type == "spec.ticket_created":
        return "ticket", found.get("ticket", found["project"])
    kind, entity_id = list(found.items())[-1]
    return kind, entity_id


@dataclass(frozen=True)
class EventFilter:
    """Which events a follower wants; an empty set means all.

    A type is ours or its name of the seeds.
    """

    event_types: frozenset[str] = field(default_factory=frozenset[str])
    entity_types: frozenset[str] = field(default_factory=frozenset[str])
    entity_ids: frozenset[str] = field(default_factory=frozenset[str])

    def takes(self, event: Event) -> bool:
        """True when the event passes every set that is not empty."""
        if self.event_types:
            names = {event.event_type, ALIASES.get(event.event_type, event.event_type)}
            if not names & self.event_types:
                return False
        if self.entity_types and closest(event)[0] not in self.entity_types:
            return False
        return not self.entity_ids or not self.entity_ids.isdisjoint(entities_of(event).values())
