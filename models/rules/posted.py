"""What a sandbox says over HTTP, read as hostile: what may be folded, and what is only a claim."""

import hashlib
import json
from typing import Final

from pydantic import JsonValue

from models.contracts.events import FACT_TYPES, EventSource, Fact, NewEvent, RawEvent, read_fact
from models.contracts.facts import Progress
from models.contracts.phases import PHASES
from models.contracts.sandboxes import PostedEvent, SandboxView
from models.contracts.task_facts import AgentTurn
from models.contracts.usage import Usage
from models.errors import InvalidInput, NotAllowed, TooLarge

EVENT_LIMIT_BYTES: Final = 64 * 1024
_DEEPEST: Final = 20
_OWN: Final = frozenset({"spec.progress", "spec.heartbeat", "spec.artifact_created"})
PROPOSAL: Final = "agent.completed"


def is_own(event_type: str) -> bool:
    """True for what is a sandbox's own to say."""
    return event_type.startswith("agent.") or event_type in _OWN


def read_posted(event: PostedEvent, sandbox: SandboxView, key: str) -> NewEvent | RawEvent:
    """The event to append: folded, kept as it is, or kept as a claim.

    Args:
        event: as it was posted.
        sandbox: who posted it, by its token.
        key: makes the event idempotent in its stream.

    Raises:
        InvalidInput: data nested over 20 deep.
        NotAllowed: it names another spec.
        TooLarge: over 64 kB.
    """
    if event.spec_id is not None and event.spec_id != sandbox.spec_id:
        msg = "A sandbox speaks of its own spec only."
        raise NotAllowed(msg, code="event-of-another-spec")
    _check_shape(event)
    fact = _fact(event, sandbox)
    if fact is not None:
        return NewEvent(
            dedup_key=key,
            fact=fact,
            source=EventSource.AGENT,
            occurred_at=event.timestamp,
            sandbox_id=sandbox.id,
        )
    return RawEvent(
        dedup_key=key,
        event_type=event.event_type,
        phase=event.phase if event.phase in set(PHASES) else None,
        task_id=sandbox.task_id,
        data=event.data,
        source=EventSource.AGENT,
        occurred_at=event.timestamp,
        sandbox_id=sandbox.id,
        claimed=event.event_type in FACT_TYPES and not is_own(event.event_type),
    )


def _fact(event: PostedEvent, sandbox: SandboxView) -> Fact | None:
    """What may change a view: a line of progress, and a turn of the sandbox's own task.

    What a turn cost is known from our own calls, never from here.
    """
    if event.event_type == "spec.progress":
        found = read_fact(event.event_type, event.phase, event.data)
        return found if isinstance(found, Progress) else None
    if event.event_type == "agent.turn" and sandbox.task_id is not None:
        given = {"usage": {}, **event.data, "task_id": str(sandbox.task_id)}
        found = read_fact(event.event_type, None, given)
        return found.model_copy(update={"usage": Usage()}) if isinstance(found, AgentTurn) else None
    return None


def event_key(event: PostedEvent, given: str | None, index: int) -> str:
    """The key of an event: its own, its place under the request's, or its hash."""
    if event.dedup_key is not None:
        return event.dedup_key
    if given is not None:
        return f"{given}/{index}"
    return hashlib.sha256(event.model_dump_json().encode()).hexdigest()


def _check_shape(event: PostedEvent) -> None:
    _check_depth(event.data, _DEEPEST)
    text = json.dumps(event.data)
    if len(text) > EVENT_LIMIT_BYTES:
        msg = f"An event holds at most {EVENT_LIMIT_BYTES} bytes."
        raise TooLarge(msg, code="event-too-large")


def _check_depth(value: JsonValue, left: int) -> None:
    if left == 0:
        msg = f"The event's data is nested over {_DEEPEST} deep."
        raise InvalidInput(msg, code="data-too-deep")
    if isinstance(value, dict):
        for inner in value.values():
            _check_depth(inner, left - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_depth(inner, left - 1)
