"""Health, readiness and what every page needs to know."""

from fastapi import APIRouter, Response
from sqlalchemy.exc import DBAPIError

from api.deps import TheServices
from models.contracts.evaluations import PhaseRules
from models.contracts.phases import PHASE_INFO
from models.contracts.systems import Meta, Readiness
from models.migrations.apply import head_revision
from models.rules.evaluations.documents import rule_book

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
