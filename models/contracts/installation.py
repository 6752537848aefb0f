"""Settings of the whole installation that people change while it runs."""

from pydantic import Field

from models.contracts.base import Payload, Request


class InstallationSettings(Payload):
    """What runs at once.

    The environment gives the first values; what a person changed is the truth from then on, read
    at every grant of a slot. ``orchestrator_enabled`` False starts nothing new.
    """

    orchestrator_enabled: bool = True
    max_concurrent_tasks_per_project: int = Field(default=5, ge=1)
    max_concurrent_specs: int = Field(default=10, ge=1)


class ChangeInstallation(Request):
    """Settings to change; those not given stay."""

    orchestrator_enabled: bool | None = None
    max_concurrent_tasks_per_project: int | None = Field(default=None, ge=1, le=1_000)
    max_concurrent_specs: int | None = Field(default=None, ge=1, le=1_000)
