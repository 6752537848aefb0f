"""The two bases of every contract."""

import re
from datetime import timedelta
from typing import Final, NewType, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from models.errors import InvalidInput

SpecId = NewType("SpecId", UUID)
ProjectId = NewType("ProjectId", UUID)
TaskId = NewType("TaskId", UUID)
TicketId = NewType("TicketId", UUID)
GateId = NewType("GateId", UUID)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Payload(BaseModel):
    """What crosses Temporal or is stored: unknown fields are ignored, so a roll-out may add some.

    Add-only: a field is never renamed or removed, and a new one has a default.
    """

    model_config = ConfigDict(frozen=True)


def refuse_unstorable(value: object) -> None:
    """Refuse text that Postgres does not take, at any depth: it would fail long after it was sent.

    Raises:
        InvalidInput: a NUL character, or half of a surrogate pair.
    """
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str) and _UNSTORABLE.search(one):
            msg = "The text holds a character that cannot be stored, such as NUL."
            raise InvalidInput(msg, code="invalid-text")
        if isinstance(one, dict):
            left += [*cast(dict[object, object], one), *cast(dict[object, object], one).values()]
        elif isinstance(one, list | tuple):
            left += cast(list[object], one)


class Request(BaseModel):
    """What comes in over HTTP: unknown fields are refused, and text that cannot be stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, value: object) -> object:
        refuse_unstorable(value)
        return value


class Timings(Payload):
    """Time-outs that reach a workflow in its input, so that tests can shorten them."""

    heartbeat: timedelta = timedelta(seconds=30)
    retry_initial: timedelta = timedelta(seconds=1)
    retry_maximum: timedelta = timedelta(seconds=30)
    slot_recheck: timedelta = timedelta(minutes=15)
    pause_recheck: timedelta = timedelta(minutes=15)
    provider_wait: timedelta = timedelta(seconds=60)
    sandbox_idle: timedelta = timedelta(minutes=10)
    checkpoint: timedelta = timedelta(seconds=60)
