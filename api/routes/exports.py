"""A spec to take along: as one Markdown file, as JSON, or as a zip of its files."""

import io
import json
import zipfile
from typing import Any, Literal

from fastapi import APIRouter, Response

from api.deps import TheSession
from models.contracts.base import SpecId
from models.contracts.phases import PHASES
from models.rules.markdown import FILE_NAMES, slug, spec_folder
from models.store import artifacts, documents, questions, specs
from models.store.database import Session

router = APIRouter(prefix="/specs/{spec_id}", tags=["documents"])
_MEDIA = {"markdown": "text/markdown", "json": "application/json", "zip": "application/zip"}
_SUFFIX = {"markdown": "md", "json": "json", "zip": "zip"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's own; the same spec gives the same bytes


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)
async def export_spec(
    spec_id: SpecId,
    session: TheSession,
    format: Literal["markdown", "json", "zip"] = "markdown",  # noqa: A002 - the route's own word
) -> Response:
    """The newest version of every document."""
    detail = await specs.get_detail(session, spec_id)
    markdown, contents = await _documents(session, spec_id)
    match format:
        case "markdown":
            content = "\n\n".join(markdown.values()).encode()
        case "json":
            asked = await questions.list_questions(session, spec_id)
            whole = {
                "spec": detail.model_dump(mode="json"),
                "documents": contents,
                "questions": asked.model_dump(mode="json")["items"],
            }
            content = json.dumps(whole, indent=1, ensure_ascii=False).encode()
        case "zip":
            content = _zipped(spec_folder(detail.title, spec_id), markdown, contents)
    name = f"{slug(detail.title)}.{_SUFFIX[format]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_MEDIA[format], headers=headers)


async def _documents(session: Session, spec_id: SpecId) -> tuple[dict[str, str], dict[str, Any]]:
    """Markdown by file name, and content by phase, in the order of the phases."""
    newest = {v.phase: v for v in await documents.latest_versions(session, spec_id)}
    markdown: dict[str, str] = {}
    contents: dict[str, Any] = {}
    for phase in (phase for phase in PHASES if phase in newest):
        text, _ = await artifacts.get(session, newest[phase].markdown.sha256)
        raw, _ = await artifacts.get(session, newest[phase].document.sha256)
        markdown[FILE_NAMES[phase]] = text.decode(errors="replace")
        contents[phase.value] = json.loads(raw)
    return markdown, contents


def _zipped(folder: str, markdown: dict[str, str], contents: dict[str, Any]) -> bytes:
    files = {f"{folder}/{name}": text for name, text in markdown.items()}
    for phase, content in contents.items():
        files[f"{folder}/{phase}.json"] = json.dumps(content, indent=1, ensure_ascii=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()
