"""Tickets: made with the way they are worked on, and read."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header

from api.deps import Services, TheServices, TheSession
from api.routes.launches import offered_models, start_once
from models.contracts.base import SpecId, TicketId
from models.contracts.specs import LaunchSpec, SpecInput
from models.contracts.tickets import CreateTicket, Ticket, TicketMade
from models.rules.launch import first_view, prepare_launch, prepare_quick
from models.store import projects, specs, tickets
from models.store.identifiers import new_id

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.post("", status_code=202)
async def create_ticket(
    body: CreateTicket,
    services: TheServices,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> TicketMade:
    """Make a ticket and start its work: one task at once, or a spec that plans it first.

    A quick task needs a project whose commands are confirmed. Both are stored before their workflow
    starts, so the same call with the same Idempotency-Key starts it once.
    """
    raw = f"ticket{body.model_dump_json()}".encode()
    async with services.database.begin() as session:
        known = await specs.find_launch(session, idempotency_key, raw) if idempotency_key else None
        if known is None:
            launch = await _prepare(services, body)
            view = first_view(launch, datetime.now(UTC), auto_execute=True)
            known = await specs.create(session, launch, view, idempotency_key, raw)
            if known == launch.spec_id:
                await tickets.open_ticket(session, launch, body)
        launch = await specs.get_launch(session, known)
        ticket = await tickets.of_run(session, known)
    await start_once(services, launch)
    quick = launch.quick
    return TicketMade(
        ticket=ticket,
        run_id=launch.spec_id,
        task_id=quick.task_id if quick is not None else None,
        message="An agent works on it." if quick is not None else "The spec is running.",
    )


async def _prepare(services: Services, body: CreateTicket) -> SpecInput:
    """The run that a ticket becomes."""
    async with services.database.begin() as session:
        project = await projects.get(session, body.project_id)
    launch = prepare_launch(
        LaunchSpec(
            title=body.title,
            description=body.description or body.title,
            project_id=body.project_id,
            settings=body.settings,
        ),
        project,
        SpecId(new_id()),
        offered=offered_models(services),
        timings=services.execution.timings(),
    )
    return prepare_quick(launch, body) if body.workflow_mode == "quick" else launch


@router.get("/{ticket_id}")
async def get_ticket(ticket_id: TicketId, session: TheSession) -> Ticket:
    """One ticket."""
    return await tickets.get(session, ticket_id)
