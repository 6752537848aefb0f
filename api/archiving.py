"""Specs put out of the lists."""

from api.deps import Services
from models.contracts.base import SpecId
from models.contracts.commands import CommandAccepted, CommandName
from models.contracts.events import EventSource, NewEvent
from models.contracts.facts import SpecCommanded
from models.errors import Conflict
from models.rules.actions import command_refusal
from models.store import events, specs


async def archive_spec(
    spec_id: SpecId, services: Services, actor: str, command_id: str
) -> CommandAccepted:
    """Put a spec that has ended out of the lists; no workflow is asked, because none runs.

    Raises:
        Conflict: it has not ended.
    """
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
        if view.archived_at is not None:
            return CommandAccepted(id=command_id)
        reason = command_refusal(CommandName.ARCHIVE, view.status, view.current_phase)
        if reason is not None:
            raise Conflict(reason, code="command-not-allowed")
        fact = SpecCommanded(event_type="spec.archived", by=actor)
        key = f"archived/{view.run}/{view.as_of_seq}"
        told = NewEvent(dedup_key=key, fact=fact, source=EventSource.SYSTEM)
        await events.append(session, view.project_id, spec_id, [told])
    return CommandAccepted(id=command_id)
