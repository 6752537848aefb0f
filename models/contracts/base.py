"""The two bases of every contract."""

from datetime import timedelta
from typing import NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SpecId = NewType("SpecId", UUID)
ProjectId = NewType("ProjectId", UUID)
TaskId = NewType("TaskId", UUID)
TicketId = NewType("TicketId", UUID)
GateId = NewType("GateId", UUID)


class Payload(BaseModel):
    """What crosses Temporal or is stored: unknown fields are ignored, so a roll-out may add some.

    Add-only: a field is never renamed or removed, and a new one has a default.
    """

    model_config = ConfigDict(frozen=True)


class Request(BaseModel):
    """What comes in over HTTP: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
