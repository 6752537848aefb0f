"""Temporal's event history, as steps that people recognise."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final, Literal

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from models.contracts.events import Event
from models.contracts.history import HistoryEntry

Kind = Literal["run", "phase", "attempt", "task", "activity", "message", "timer", "gate"]
_ACTIVITIES: Final[dict[str, Kind]] = {
    "run_phase": "phase",
    "evaluate": "attempt",
    "judge": "attempt",
    "run_agent": "task",
    "run_check": "task",
}
_RUN: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "started",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued",
}
_ENDED: Final = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "completed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "failed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "timed_out",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "cancelled",
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: "cancelled",
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: "terminated",
    EventType.EVENT_TYPE_TIMER_FIRED: "fired",
    EventType.EVENT_TYPE_TIMER_CANCELED: "cancelled",
}


def read_history(history: WorkflowHistory, ui: str | None) -> list[HistoryEntry]:
    """The steps of a run in the order they began, each with how it ended.

    ``ui`` is the address of the workflows' pages in the Temporal Web UI.
    Event types: https://docs.temporal.io/references/events
    """
    entries: dict[int, HistoryEntry] = {}
    for event in history.events:
        begun = _begun(event, ui)
        if begun is not None:
            entries[event.event_id] = begun
            continue
        started = _attributes(event)
        origin = getattr(started, "scheduled_event_id", 0) or getattr(
            started, "initiated_event_id", 0
        )
        origin = origin or getattr(started, "started_event_id", 0)
        entry = entries.get(origin)
        if entry is not None:
            entries[origin] = entry.model_copy(update=_moved(event, started))
    return list(entries.values())


def _attributes(event: HistoryEvent) -> object:
    name = event.WhichOneof("attributes")
    return getattr(event, name) if name is not None else None


def _moved(event: HistoryEvent, attributes: object) -> dict[str, object]:
    """What a later event says of a step."""
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
        return {"state": "running", "tries": max(1, int(getattr(attributes, "attempt", 1)))}
    if event.event_type not in _ENDED:
        return {}
    failure = getattr(attributes, "failure", None)
    detail = str(failure.message)[:500] if failure is not None else ""
    return {"state": _ENDED[event.event_type], **({"detail": detail} if detail else {})}


def _begun(event: HistoryEvent, ui: str | None) -> HistoryEntry | None:
    """The step that an event begins; None when it goes on with one."""
    if event.event_type in _RUN:
        return _entry(event, "run", "spec", _RUN[event.event_type])
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            kind = _ACTIVITIES.get(name, "activity")
            return _entry(event, kind, _summary(event) or name, "scheduled", detail=name)
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            child = event.start_child_workflow_execution_initiated_event_attributes.workflow_id
            link = f"{ui}/{child}" if ui else None
            return _entry(event, "task", _summary(event) or child, "running", link=link)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            name = event.workflow_execution_signaled_event_attributes.signal_name
            return _entry(event, "message", name, "received")
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            update = event.workflow_execution_update_accepted_event_attributes
            return _entry(event, "message", update.accepted_request.input.name, "accepted")
        case EventType.EVENT_TYPE_TIMER_STARTED:
            pause = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            return _entry(event, "timer", _summary(event) or f"{pause}", "running")
        case _:
            return None


def _summary(event: HistoryEvent) -> str:
    """The static summary, a JSON string."""
    return event.user_metadata.summary.data.decode(errors="replace").strip('"')


def _entry(
    event: HistoryEvent,
    kind: Kind,
    name: str,
    state: str,
    detail: str = "",
    link: str | None = None,
) -> HistoryEntry:
    at = event.event_time.ToDatetime(UTC)
    return HistoryEntry(
        id=event.event_id, at=at, kind=kind, name=name, state=state, detail=detail, link=link
    )


_LOGGED: Final[dict[str, Kind]] = {
    "phase": "phase", "gate": "gate", "attempt": "attempt", "execution": "run", "rerun": "run",
}  # fmt: skip


def read_log(events: Sequence[Event]) -> list[HistoryEntry]:
    """The same from our own log, for a run that Temporal keeps no more."""
    return [
        HistoryEntry(
            id=event.seq,
            at=event.timestamp,
            kind=kind,
            name=str(event.phase or event.data.get("local_id") or event.event_type),
            state=event.event_type.split(".")[-1],
            detail=str(event.data.get("reason") or "")[:500],
        )
        for event in events
        if (kind := _kind_of(event.event_type)) is not None
    ]


def _kind_of(event_type: str) -> Kind | None:
    head, _, name = event_type.partition(".")
    if head == "task":
        return "task"
    return _LOGGED.get(name.split("_")[0]) if head == "spec" else None
