"""What routes depend on, as annotated aliases: a route's signature reads as a sentence."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, cast
from uuid import uuid4

from fastapi import Depends, Header, Query, Request

from api.gateway import Gateway
from api.live import LiveHub
from models.settings import ApiSettings, ExecutionSettings, LanguageSettings
from models.store.database import Database, Session


@dataclass(frozen=True)
class Services:
    """What the application was built with."""

    database: Database
    gateway: Gateway
    live: LiveHub
    api: ApiSettings
    language: LanguageSettings
    execution: ExecutionSettings


def services(request: Request) -> Services:
    """The services of this application."""
    return cast(Services, request.app.state.services)


async def session(request: Request) -> AsyncGenerator[Session]:
    """A session that commits when the route returns."""
    async with services(request).database.begin() as opened:
        yield opened


def actor() -> str:
    """Who calls: in local mode the one local owner."""
    return "owner"


def command_id(idempotency_key: Annotated[str | None, Header(max_length=200)] = None) -> str:
    """The id of a command: the caller's key, else a new one."""
    return idempotency_key or str(uuid4())


TheServices = Annotated[Services, Depends(services)]
TheSession = Annotated[Session, Depends(session)]
Actor = Annotated[str, Depends(actor)]
CommandId = Annotated[str, Depends(command_id)]
Cursor = Annotated[str | None, Query(max_length=300, description="where the last page ended")]
Limit = Annotated[int, Query(ge=1, le=500, description="at most this many items")]
