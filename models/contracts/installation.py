"""Settings of the whole installation that people change while it runs."""

from pydantic import Field, StrictBool, StrictInt

from models.contracts.base import Payload, ProjectId, Request


class InstallationSettings(Payload):
    """What runs at once.

    The environment gives the first values; what a person changed is the truth from then on, read
    at every grant of a slot. ``orchestrator_enabled`` False starts nothing new.
    """

    orchestrator_enabled: bool = True
    max_concurrent_tasks_per_project: int = Field(default=5, ge=1)
    max_concurrent_specs: int = Field(default=10, ge=1)

    def slots_of(self, project_id: ProjectId | None) -> int:
        """How many may hold a slot of this scope now; none more while nothing new starts."""
        if not self.orchestrator_enabled:
            return 0
        if project_id is None:
            return self.max_concurrent_specs
        return self.max_concurrent_tasks_per_project


class ChangeInstallation(Request):
    """Settings to change; those not given stay."""

    orchestrator_enabled: StrictBool | None = None
    max_concurrent_tasks_per_project: StrictInt | None = Field(default=None, ge=1, le=1_000)
    max_concurrent_specs: StrictInt | None = Field(default=None, ge=1, le=1_000)
