"""Settings of the installation, in force at the next grant of a slot."""

from fastapi import APIRouter

from api.deps import Actor, TheServices, TheSession
from models.contracts.installation import ChangeInstallation, InstallationSettings
from models.store import installation

router = APIRouter(prefix="/settings", tags=["settings"])


@router.get("")
async def get_settings(services: TheServices, session: TheSession) -> InstallationSettings:
    """How much runs at once, and whether anything new starts."""
    return await installation.get(session, services.execution.installation())


@router.patch("")
async def change_settings(
    body: ChangeInstallation, services: TheServices, actor: Actor
) -> InstallationSettings:
    """Change what is given; who waits for a slot is woken when there is one now.

    A lowered limit takes nothing away: nothing more is granted until fewer hold a slot.
    """
    async with services.database.begin() as session:
        await installation.change(session, body, actor)
        changed = await installation.get(session, services.execution.installation())
    await services.gateway.reconcile()
    return changed
