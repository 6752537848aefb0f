"""References to stored bytes; payloads carry these, never the bytes."""

from enum import StrEnum

from pydantic import Field

from models.contracts.base import Payload

SHA256_PATTERN = r"^[0-9a-f]{64}$"
INLINE_LIMIT_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
ARTIFACT_LIMIT_BYTES = 64 * 1024 * 1024


class ArtifactKind(StrEnum):
    """What an artifact holds."""

    DOCUMENT = "document"
    MARKDOWN = "markdown"
    BUNDLE = "bundle"
    LOG = "log"
    DIFF = "diff"
    TRANSCRIPT = "transcript"
    HISTORY = "history"
    REPORT = "report"


class ArtifactRef(Payload):
    """Where stored bytes are found; ``sha256`` is of the bytes, in lower-case hex."""

    sha256: str = Field(pattern=SHA256_PATTERN)
    size_bytes: int = Field(ge=0)
    media_type: str
    kind: ArtifactKind
