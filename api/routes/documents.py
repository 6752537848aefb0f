"""Documents: versions, diffs, drafts, and the items in them."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Actor, CommandId, TheServices, TheSession
from api.editing import IfMatch, TheEditor, store_document, tagged, view_document
from models.contracts.attempts import DocumentVersion
from models.contracts.base import SpecId
from models.contracts.commands import SavedDocument, SaveDocument
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.phases import Phase
from models.contracts.plans import (
    DOCUMENT_TYPES,
    GeneratedDocument,
    SyncReport,
    TaskPlan,
)
from models.contracts.revisions import (
    DocumentDiff,
    DocumentView,
    PutDraft,
    RestoreVersion,
    SaveDraft,
    VersionList,
)
from models.errors import Conflict, NotFound
from models.rules.diffs import changed_items, text_diff
from models.rules.evaluations.documents import read_document
from models.store import artifacts, documents, drafts, specs
from models.store.database import Session

router = APIRouter(prefix="/specs/{spec_id}", tags=["documents"])


@router.get("/versions")
async def list_versions(
    spec_id: SpecId, session: TheSession, phase: Phase | None = None
) -> VersionList:
    """Every version of every document, newest first, with who made it and why."""
    await specs.get_view(session, spec_id)
    return VersionList(items=await documents.list_versions(session, spec_id, phase))


@router.get("/versions/{phase}/{version}")
async def get_version(
    spec_id: SpecId, phase: Phase, version: int, session: TheSession
) -> DocumentVersion:
    """One version; the bytes are artifacts."""
    await specs.get_view(session, spec_id)
    return await documents.get_version(session, spec_id, phase, version)


@router.get("/versions/{phase}/{version}/content")
async def get_content(
    spec_id: SpecId, phase: Phase, version: int, session: TheSession
) -> Exploration | Requirements | Design | TaskPlan | SyncReport:
    """The document of one version, in the shape of its phase."""
    await specs.get_view(session, spec_id)
    found = await documents.get_version(session, spec_id, phase, version)
    content, _ = await artifacts.get(session, found.document.sha256)
    kind = DOCUMENT_TYPES.get(phase, SyncReport)
    return kind.model_validate_json(content)


@router.get("/diff")
async def diff_versions(
    spec_id: SpecId,
    session: TheSession,
    phase: Phase,
    from_version: Annotated[int, Query(alias="from", ge=1)],
    to_version: Annotated[int, Query(alias="to", ge=1)],
) -> DocumentDiff:
    """Two versions of a phase compared, by item and line by line."""
    await specs.get_view(session, spec_id)
    older = await documents.get_version(session, spec_id, phase, from_version)
    newer = await documents.get_version(session, spec_id, phase, to_version)
    before, before_text = await _contents(session, older)
    after, after_text = await _contents(session, newer)
    return DocumentDiff(
        phase=phase,
        from_version=from_version,
        to_version=to_version,
        items=changed_items(before, after),
        text=text_diff(before_text, after_text, f"{phase} {from_version}", f"{phase} {to_version}"),
    )


async def _contents(session: Session, version: DocumentVersion) -> tuple[GeneratedDocument, str]:
    """A version's document and its Markdown.

    Raises:
        Conflict: it is not a document of a written phase.
    """
    raw, _ = await artifacts.get(session, version.document.sha256)
    text, _ = await artifacts.get(session, version.markdown.sha256)
    if version.phase not in DOCUMENT_TYPES:
        msg = "SYNC is computed; its versions are not compared."
        raise Conflict(msg, code="version-not-comparable")
    document, _ = read_document(version.phase, json.loads(raw))
    if document is None:
        msg = "This version is not a document that can be compared."
        raise Conflict(msg, code="version-not-comparable")
    return document, text.decode(errors="replace")


@router.post("/versions/{phase}/{version}/restore", status_code=202)
async def restore_version(
    spec_id: SpecId,
    phase: Phase,
    version: int,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    body: RestoreVersion | None = None,
) -> SavedDocument:
    """Make an old version the newest again; it is judged and asked about like any edit."""
    async with services.database.begin() as session:
        await specs.get_view(session, spec_id)
        old = await documents.get_version(session, spec_id, phase, version)
        newest = await documents.get_version(session, spec_id, phase)
    return await services.gateway.save_document(
        spec_id,
        SaveDocument(
            id=command_id,
            phase=phase,
            document=old.document,
            based_on=newest.document.sha256,
            by=actor,
            reason=(body.reason if body else "") or f"restores version {version}",
        ),
    )


@router.get("/documents/{phase}")
async def get_document(
    spec_id: SpecId, phase: Phase, session: TheSession, response: Response
) -> DocumentView:
    """A document as it is edited; its ETag is what ``If-Match`` takes."""
    return tagged(response, await view_document(session, spec_id, phase))


@router.put("/documents/{phase}/draft")
async def put_draft(phase: Phase, body: PutDraft, editor: TheEditor) -> DocumentView:
    """Put a whole document into the draft; the answer judges it."""
    return await editor.change(phase, lambda _: body.document)


@router.delete("/documents/{phase}/draft", status_code=204)
async def drop_draft(phase: Phase, editor: TheEditor) -> None:
    """Forget unsaved edits."""
    await editor.change(phase, lambda document: document)
    await drafts.drop(editor.session, editor.spec_id, phase)


@router.post("/documents/{phase}/draft/save", status_code=202)
async def save_draft(
    spec_id: SpecId,
    phase: Phase,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    etag: IfMatch,
    body: SaveDraft | None = None,
) -> SavedDocument:
    """Make the draft one version; it is judged, and in force or asked about at a gate."""
    async with services.database.begin() as session:
        draft = await drafts.find(session, spec_id, phase)
        if draft is None or draft.etag != etag:
            msg = "There is no draft with this ETag; load the document again."
            raise NotFound(msg, code="draft-not-found")
        ref = await store_document(session, spec_id, phase, draft.document)
    saved = await services.gateway.save_document(
        spec_id,
        SaveDocument(
            id=command_id,
            phase=phase,
            document=ref,
            based_on=draft.based_on,
            by=actor,
            reason=body.reason if body else "",
        ),
    )
    async with services.database.begin() as session:
        await drafts.drop(session, spec_id, phase)
    return saved
