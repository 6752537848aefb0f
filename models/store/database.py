"""The database: engine, sessions and the schema's version."""

from contextlib import AbstractAsyncContextManager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)


def sqlalchemy_url(url: str) -> str:
    """The address with psycopg 3 named as its driver."""
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgresql", "postgres"}:
        return f"postgresql+psycopg{separator}{rest}"
    return url


def psycopg_url(url: str) -> str:
    """The address as psycopg itself takes it."""
    return sqlalchemy_url(url).replace("postgresql+psycopg://", "postgresql://", 1)


class Database:
    """One pool; ``begin()`` gives a session whose transaction commits at the block's end."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url), pool_size=pool_size, max_overflow=10, pool_pre_ping=True
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def begin(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session in a transaction: committed at the end of the block, rolled back on error."""
        return self._sessions.begin()

    async def revision(self) -> str | None:
        """The schema's revision, None before the first migration."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SELECT to_regclass('alembic_version')"))
            if found.scalar() is None:
                return None
            row = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return row.scalar()

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


Session = AsyncSession
