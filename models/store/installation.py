"""Settings of the installation: the environment's first values, and what people changed since."""

from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.installation import ChangeInstallation, InstallationSettings
from models.store.database import Session
from models.tables.installation import SettingRow

_IDENTITY: Final = "installation"


async def get(session: Session, first: InstallationSettings) -> InstallationSettings:
    """What is in force; ``first`` holds where nobody changed anything."""
    found = await session.execute(select(col(SettingRow.name), col(SettingRow.value)))
    changed = {name: kept["value"] for name, kept in found}
    return InstallationSettings.model_validate({**first.model_dump(), **changed})


async def identity(session: Session) -> UUID:
    """The installation's own id, made once: what schedules and sandboxes are named after."""
    row = {"name": _IDENTITY, "value": {"value": str(uuid4())}, "by": "system"}
    await session.execute(insert(SettingRow).values(row).on_conflict_do_nothing())
    found = await session.get(SettingRow, _IDENTITY)
    return UUID(found.value["value"]) if found is not None else UUID(int=0)


async def change(session: Session, body: ChangeInstallation, by: str) -> None:
    """Put new values in force."""
    for name, value in body.model_dump(exclude_none=True).items():
        row = {"name": name, "value": {"value": value}, "by": by}
        statement = insert(SettingRow).values(row)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "value": statement.excluded.value,
                    "by": by,
                    "updated_at": func.clock_timestamp(),
                },
            )
        )
