"""The board: which column a ticket is in, and where a person may move it.

The one place that keeps tickets in step with their tasks and their run.
"""

from collections.abc import Sequence
from typing import Final

from models.contracts.specs import CLOSED, SpecStatus
from models.contracts.tasks import NOT_BEGUN, TaskState
from models.contracts.tickets import Column

TITLES: Final[dict[Column, str]] = {
    Column.BACKLOG: "Backlog",
    Column.READY: "Ready",
    Column.IN_PROGRESS: "In progress",
    Column.REVIEW: "Review",
    Column.DONE: "Done",
}
_OVER: Final = frozenset({TaskState.MERGED, TaskState.SKIPPED, TaskState.CANCELLED})
_REVIEW: Final = frozenset({TaskState.CHECKING, TaskState.MERGING})
_PLACES: Final = frozenset({Column.BACKLOG, Column.READY})
_OF_RUN: Final[dict[SpecStatus, Column]] = {
    SpecStatus.DRAFT: Column.BACKLOG,
    SpecStatus.COMPLETED: Column.DONE,
    SpecStatus.CANCELLED: Column.DONE,
}


def column_of(states: Sequence[TaskState], now: Column) -> Column:
    """The column of a ticket whose tasks stand so; ``now`` is where it is.

    A ticket whose tasks all wait stays where a person has put it, in ready or in the backlog.
    """
    if all(state in NOT_BEGUN for state in states):
        return now if now in _PLACES else Column.READY
    if all(state in _OVER for state in states):
        return Column.DONE
    busy = [state for state in states if state not in NOT_BEGUN and state not in _OVER]
    return Column.REVIEW if busy and set(busy) <= _REVIEW else Column.IN_PROGRESS


def column_of_run(status: SpecStatus) -> Column:
    """The column of the ticket that a run was made of, when it has no tasks of its own."""
    return _OF_RUN.get(status, Column.IN_PROGRESS)


def start_refusal(status: SpecStatus | None, room: int | None) -> str | None:
    """Why a ticket is not started now, with so much room left in progress; None when it is."""
    if status != SpecStatus.DRAFT:
        return "Its work has begun."
    return "The column in progress is full." if room == 0 else None


def change_refusal(status: SpecStatus | None) -> str | None:
    """Why a person's ticket may not be changed; None when it may."""
    return None if status == SpecStatus.DRAFT else "Its work has begun."


def delete_refusal(status: SpecStatus | None) -> str | None:
    """Why a person's ticket may not be taken off the board; None when it may."""
    over = status == SpecStatus.DRAFT or status in CLOSED
    return None if over else "Its work is under way; cancel it first."


def move_refusal(now: Column, to: Column, *, draft: bool) -> str | None:
    """Why a person may not move a ticket there; None when it is allowed.

    People order what has not begun, and begin a draft; everything else its tasks do.
    """
    if now == to or (now in _PLACES and to in _PLACES):
        return None
    if now in _PLACES and to == Column.IN_PROGRESS:
        return None if draft else "It begins by itself as soon as a slot is free."
    if now in _PLACES:
        return f"A ticket comes to {TITLES[to].lower()} by its work."
    return f"Its work has taken it to {TITLES[now].lower()}; cancel or retry its tasks instead."
