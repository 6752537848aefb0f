"""The built frontend: hashed assets for a year, every other path the one page."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

_NONCE: Final = "__CSP_NONCE__"
_MISSING: Final = "<!doctype html><title>Specwright</title><p>The frontend is not built: run <code>make up</code>."


def install_pages(app: FastAPI, folder: Path) -> None:
    """Serve the frontend from ``folder``; unknown API paths stay 404."""
    assets = folder / "assets"
    if assets.is_dir():
        app.mount("/assets", StaticFiles(directory=assets), name="assets")
    index = folder / "index.html"

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str, request: Request) -> HTMLResponse:
        if path.startswith(("api/", "assets/")):
            raise HTTPException(404, "There is no such route.")
        text = index.read_text(encoding="utf-8") if index.is_file() else _MISSING
        nonce = str(request.scope["csp_nonce"])
        return HTMLResponse(text.replace(_NONCE, nonce), headers={"Cache-Control": "no-store"})

    app.state.page = page
