"""Builds the application: services, middleware, routes, the frontend."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI

from api.deps import Services
from api.errors import install_error_handlers
from api.gateway import Gateway, connect_lazily
from api.idempotency import Idempotency
from api.live import LiveHub
from api.middleware import Edge
from api.openapi_document import install_openapi
from api.pages import install_pages
from api.routes import (
    artifacts,
    attempts,
    board,
    commands,
    documents,
    events,
    exports,
    forge,
    gates,
    history,
    items,
    launches,
    notifications,
    overviews,
    projects,
    questions,
    sandboxes,
    settings,
    sockets,
    specs,
    system,
    tasks,
    tickets,
)
from models.contracts.problems import Problem
from models.settings import ApiSettings, DatabaseSettings, ExecutionSettings, LanguageSettings
from models.store.database import Database

_PROBLEMS: Final = {
    status: {"model": Problem, "description": text}
    for status, text in (
        (400, "The request can never succeed as it stands"),
        (401, "Who calls is not known"),
        (403, "Not allowed"),
        (405, "No such method here"),
        (404, "No such thing"),
        (409, "The state forbids it now"),
        (412, "Made against an older version"),
        (413, "Too large"),
        (422, "Not the documented shape"),
        (428, "Says no version it was made against"),
        (503, "A dependency is down"),
    )
}


_ROUTES: Final = (
    projects, launches, specs, history, forge, commands, documents, items, exports, attempts, gates, questions,
    tasks, tickets, board, sandboxes, artifacts, events, sockets, overviews, notifications, settings, system,
)  # fmt: skip


def create_app(
    database: DatabaseSettings | None,
    api: ApiSettings,
    language: LanguageSettings,
    execution: ExecutionSettings,
) -> FastAPI:
    """The application; without a database only its OpenAPI document can be asked for."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        if database is None:
            yield
            return
        url = database.database_url.get_secret_value()
        listen = database.database_listen_url
        store = Database(url, pool_size=20)
        live = LiveHub(store, listen.get_secret_value() if listen else url)
        gateway = Gateway(await connect_lazily())
        app.state.services = Services(store, gateway, live, api, language, execution)
        live.start()
        try:
            yield
        finally:
            await live.close()
            await store.close()

    app = FastAPI(
        title="Specwright",
        version=system.VERSION,
        summary="Durable, spec-driven development on Temporal",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    install_error_handlers(app)
    v1 = APIRouter(prefix="/api/v1", responses={**_PROBLEMS})
    for module in _ROUTES:
        v1.include_router(module.router)
    v1.include_router(projects.found_repositories)
    app.include_router(v1)
    app.include_router(system.root)
    install_pages(app, api.frontend_dir)
    install_openapi(app)
    app.add_middleware(Idempotency, api=app)
    app.add_middleware(Edge)
    return app
