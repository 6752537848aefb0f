"""Settings of the installation: the environment's first values, and what people changed since."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.installation import ChangeInstallation, InstallationSettings
from models.store.database import Session
from models.tables.installation import SettingRow


async def get(session: Session, first: InstallationSettings) -> InstallationSettings:
    """What is in force; ``first`` holds where nobody changed anything."""
    found = await session.execute(select(col(SettingRow.name), col(SettingRow.value)))
    changed = {name: kept["value"] for name, kept in found}
    return InstallationSettings.model_validate({**first.model_dump(), **changed})


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
