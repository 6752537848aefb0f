"""Health, readiness and what every page needs to know."""

from fastapi import APIRouter, Response
from sqlalchemy.exc import DBAPIError

from api.deps import TheServices
from models.contracts.evaluations import PhaseRules
from models.contracts.phases import PHASE_INFO
from models.contracts.systems import Meta, Readiness, SystemState
from models.migrations.apply import head_revision
from models.rules.evaluations.documents import rule_book
from models.store import overviews

VERSION = "0.0.1"
root = APIRouter(tags=["system"])
router = APIRouter(tags=["system"])


@root.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@root.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(services: TheServices, response: Response) -> Readiness:
    """Ready when the database answers with this code's schema; Temporal may be away for reads."""
    try:
        revision = await services.database.revision()
    except DBAPIError:
        revision = None
    current = revision == head_revision()
    response.status_code = 200 if current else 503
    return Readiness(
        ready=current,
        database=revision is not None,
        schema_current=current,
        temporal=await services.gateway.reachable(),
    )


@router.get("/meta")
async def get_meta(services: TheServices) -> Meta:
    """Phases, links and what is configured."""
    return Meta(
        version=VERSION,
        phases=PHASE_INFO,
        temporal_ui_url=services.api.temporal_ui_url,
        model_configured=services.language.configured,
    )


@router.get("/rules")
async def get_rules() -> tuple[PhaseRules, ...]:
    """Every rule of every phase with its weight, as evaluations apply them."""
    return rule_book()


@root.get("/system")
async def get_system(services: TheServices) -> SystemState:
    """Workers, queues, slots, sandboxes, versions and schedules, as they are now."""
    async with services.database.begin() as session:
        slots, boxes, counts = await overviews.system(session)
    live = await services.gateway.system()
    return SystemState(
        version=VERSION,
        schema_revision=await services.database.revision(),
        temporal=live is not None,
        queues=live[0] if live is not None else (),
        schedules=live[1] if live is not None else (),
        slots=slots,
        sandboxes=boxes,
        specs=counts,
    )
