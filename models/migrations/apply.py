"""Brings a database's schema to this code's version, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from models.store.database import sqlalchemy_url

_LOCK = 0x5BEC_0001


def alembic_config() -> Config:
    """Alembic's configuration; the connection is set by the caller."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def head_revision() -> str:
    """The revision that this code expects."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    return head or ""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Migrate up under an advisory lock; a second caller waits, then finds nothing to do."""
    _migrate(database_url, revision, down=False)


def downgrade(database_url: str, revision: str) -> None:
    """Migrate down under the same lock."""
    _migrate(database_url, revision, down=True)


def _migrate(database_url: str, revision: str, *, down: bool) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    config = alembic_config()
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            config.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(config, revision)
            connection.commit()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()
    finally:
        engine.dispose()
