"""What the installation says about itself."""

from datetime import datetime
from typing import Literal

from models.contracts.base import Payload
from models.contracts.phases import PhaseInfo


class Meta(Payload):
    """What every page needs once; ``temporal_ui_url`` is None where there is no Web UI."""

    version: str
    phases: tuple[PhaseInfo, ...]
    temporal_ui_url: str | None
    model_configured: bool


class Readiness(Payload):
    """Whether the API can serve: its database is reachable and has this code's schema."""

    ready: bool
    database: bool
    schema_current: bool
    temporal: bool


class QueueState(Payload):
    """A task queue of Temporal: who polls it, and what waits in it."""

    name: str
    kind: Literal["workflow", "activity"]
    pollers: tuple[str, ...]
    backlog: int
    oldest_seconds: float


class ScheduleState(Payload):
    """A schedule of upkeep, and when it runs next."""

    id: str
    next_run: datetime | None = None


class SlotState(Payload):
    """How many slots are held and wanted."""

    holders: int
    waiting: int


class SystemState(Payload):
    """What runs now; ``temporal`` False leaves queues and schedules empty."""

    version: str
    schema_revision: str | None
    temporal: bool
    queues: tuple[QueueState, ...]
    schedules: tuple[ScheduleState, ...]
    slots: SlotState
    sandboxes: dict[str, int]
    specs: dict[str, int]
