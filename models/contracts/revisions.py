"""Versions, drafts and diffs of documents."""

from datetime import datetime

from pydantic import Field, JsonValue

from models.contracts.attempts import DocumentVersion, ItemChanges
from models.contracts.base import Payload, Request
from models.contracts.evaluations import Evaluation
from models.contracts.phases import Phase


class DocumentDiff(Payload):
    """Two versions of a phase compared; ``text`` is a unified diff of their Markdown."""

    phase: Phase
    from_version: int
    to_version: int
    items: ItemChanges
    text: str


class VersionList(Payload):
    """Versions of a spec's documents, newest first."""

    items: tuple[DocumentVersion, ...]


class Draft(Payload):
    """A person's unsaved edits of a document; ``etag`` is the hash of its content."""

    phase: Phase
    document: dict[str, JsonValue]
    based_on: str
    etag: str
    by: str
    updated_at: datetime


class DocumentView(Payload):
    """A document as it is edited.

    ``document`` is the draft when there is one, else the newest version; ``etag`` is what
    ``If-Match`` takes for the next change. ``evaluation`` judges the draft by every rule that
    needs no repository, None without a draft.
    """

    phase: Phase
    version: int
    document: dict[str, JsonValue]
    is_draft: bool
    etag: str
    evaluation: Evaluation | None = None


class PutDraft(Request):
    """A whole document as the new draft."""

    document: dict[str, JsonValue]


class SaveDraft(Request):
    """Make the draft a version; ``reason`` is told with it."""

    reason: str = Field(default="", max_length=2_000)


class RestoreVersion(Request):
    """Make an old version the newest again."""

    reason: str = Field(default="", max_length=2_000)
