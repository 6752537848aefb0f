"""What the installation says about itself."""

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
