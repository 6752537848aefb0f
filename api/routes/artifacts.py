"""Stored bytes."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import TheSession
from models.contracts.artifacts import SHA256_PATTERN
from models.store import artifacts

router = APIRouter(prefix="/artifacts", tags=["artifacts"])
_SHOWN = frozenset({"application/json", "text/markdown", "text/plain"})


@router.get(
    "/{sha256}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_artifact(
    sha256: Annotated[str, Path(pattern=SHA256_PATTERN)], session: TheSession
) -> Response:
    """The bytes; text as text, everything else as a download, never as a page."""
    content, media_type = await artifacts.get(session, sha256)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if media_type not in _SHOWN:
        headers["Content-Disposition"] = f'attachment; filename="{sha256[:16]}"'
        media_type = "application/octet-stream"
    return Response(content, media_type=media_type, headers=headers)
