"""Editing of documents: changes collect in a draft, guarded by ``If-Match``, judged as they grow."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Response
from pydantic import JsonValue

from api.deps import Actor, TheSession
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.base import SpecId, refuse_unstorable
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.evaluations import Evaluation
from models.contracts.phases import GENERATED_PHASES, Phase
from models.contracts.revisions import DocumentView, Draft
from models.errors import Conflict, InvalidInput, PreconditionMissing, Stale
from models.rules.edits import Json
from models.rules.evaluations.documents import Surroundings, evaluate_json, read_document
from models.store import artifacts, documents, drafts, specs
from models.store.database import Session


def if_match(if_match: Annotated[str | None, Header(max_length=200)] = None) -> str:
    """The version that a change was made against.

    Raises:
        PreconditionMissing: the header is missing.
    """
    if not if_match:
        msg = "Say with If-Match which version you changed; reading the document gives its ETag."
        raise PreconditionMissing(msg)
    return if_match.removeprefix("W/").strip('"')


IfMatch = Annotated[str, Depends(if_match)]


class _EveryPath:
    """Stands for a repository that was not looked into: the API does no Git."""

    def __contains__(self, _path: object) -> bool:
        return True


async def view_document(session: Session, spec_id: SpecId, phase: Phase) -> DocumentView:
    """A document as it is edited: the draft when there is one, else the newest version.

    Raises:
        NotFound: no such spec, or the phase has no document yet.
    """
    if phase not in GENERATED_PHASES:
        msg = "SYNC is computed and cannot be edited."
        raise InvalidInput(msg, code="phase-not-editable")
    await specs.get_view(session, spec_id)
    newest = await documents.get_version(session, spec_id, phase)
    draft = await drafts.find(session, spec_id, phase)
    if draft is None:
        content, _ = await artifacts.get(session, newest.document.sha256)
        return DocumentView(
            phase=phase,
            version=newest.version,
            document=json.loads(content),
            is_draft=False,
            etag=newest.document.sha256,
        )
    return DocumentView(
        phase=phase,
        version=newest.version,
        document=draft.document,
        is_draft=True,
        etag=draft.etag,
        evaluation=await _evaluate(session, spec_id, phase, draft.document),
    )


async def store_document(
    session: Session, spec_id: SpecId, phase: Phase, raw: JsonValue
) -> ArtifactRef:
    """A person's document as stored bytes, for the workflow to judge.

    Raises:
        Conflict: it does not have the phase's shape (``evaluation-failed``).
    """
    document, faults = read_document(phase, raw)
    if document is None:
        msg = "The document does not have the phase's shape: " + "; ".join(faults[:10])
        raise Conflict(msg, code="evaluation-failed")
    view = await specs.get_view(session, spec_id)
    content = document.model_dump_json().encode()
    return await artifacts.put(session, view.project_id, content, ArtifactKind.DOCUMENT)


async def change_document(
    session: Session,
    spec_id: SpecId,
    phase: Phase,
    etag: str,
    by: str,
    change: Callable[[Json], Json],
) -> DocumentView:
    """Put a change into the draft; the first one begins a draft from the newest version.

    Raises:
        Stale: the document is not the one that ``etag`` names.
        InvalidInput: it holds text that cannot be stored.
    """
    current = await view_document(session, spec_id, phase)
    if current.etag != etag:
        msg = "The document has changed since you read it; load it again."
        raise Stale(msg, code="stale-draft")
    changed = change(current.document)
    refuse_unstorable(changed)
    begun = await drafts.find(session, spec_id, phase)
    draft = Draft(
        phase=phase,
        document=changed,
        based_on=begun.based_on if begun is not None else current.etag,
        etag=hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest(),
        by=by,
        updated_at=datetime.now(UTC),
    )
    await drafts.put(session, spec_id, draft, current.etag if current.is_draft else None)
    return await view_document(session, spec_id, phase)


class Editor:
    """One change of a document by one caller: the request's version, session and answer."""

    def __init__(
        self, spec_id: SpecId, session: TheSession, actor: Actor, etag: IfMatch, response: Response
    ) -> None:
        self.spec_id = spec_id
        self.session = session
        self._actor = actor
        self._etag = etag
        self._response = response

    async def change(self, phase: Phase, change: Callable[[Json], Json]) -> DocumentView:
        """Put a change into the draft; the answer carries its new ETag."""
        view = await change_document(
            self.session, self.spec_id, phase, self._etag, self._actor, change
        )
        return tagged(self._response, view)


TheEditor = Annotated[Editor, Depends(Editor)]


def tagged(response: Response, view: DocumentView) -> DocumentView:
    """The view, with its ETag in the answer's headers."""
    response.headers["ETag"] = f'"{view.etag}"'
    return view


async def _evaluate(
    session: Session, spec_id: SpecId, phase: Phase, document: JsonValue
) -> Evaluation:
    launch = await specs.get_launch(session, spec_id)
    newest = {v.phase: v.document for v in await documents.latest_versions(session, spec_id)}

    async def read(wanted: Phase, kind: type[Any]) -> Any:
        if wanted not in newest:
            return None
        content, _ = await artifacts.get(session, newest[wanted].sha256)
        return kind.model_validate_json(content)

    around = Surroundings(
        paths=_EveryPath(),
        baseline_accepted=True,
        exploration=await read(Phase.EXPLORE, Exploration),
        requirements=await read(Phase.REQUIREMENTS, Requirements) or Requirements(),
        design=await read(Phase.DESIGN, Design) or Design(overview=""),
        limits=launch.settings.limits,
    )
    return evaluate_json(phase, document, around, launch.settings.threshold_of(phase))
