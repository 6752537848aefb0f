"""What a planner is told first: the person's own words always, and what earlier phases decided.

Long documents are told by their outline; the rest is read by a tool.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue

from activities.git import Git
from activities.repository_tools import RepositoryTools
from models.contracts.attempts import RunPhase
from models.contracts.phases import Phase

STEERING_FILE: Final = ".spec/steering.md"
_STEERING_LIMIT: Final = 20_000
_WHOLE_LIMIT: Final = 60_000
_READ_LIMIT: Final = 60_000
_OUTLINED: Final = ("id", "title", "name", "priority", "requirement_ids", "depends_on")


@dataclass(frozen=True)
class EarlierDocuments:
    """Approved documents by phase, and the attempt before this one, as JSON."""

    approved: Mapping[Phase, JsonValue]
    previous: JsonValue = None

    def read(self, phase: Phase, item: str) -> str | None:
        """A document, or the item of it with this id; None when there is none."""
        document = self.approved.get(phase)
        if document is None:
            return None
        if not item:
            return _cut(_pretty(document))
        found = next((part for part in _parts(document) if part.get("id") == item), None)
        return _cut(_pretty(found)) if found is not None else None


async def steering_notes(git: Git, commit: str) -> str:
    """The repository's own notes for models at a commit; empty when there are none."""
    return await RepositoryTools(git, commit, "").text(STEERING_FILE, _STEERING_LIMIT) or ""


async def write_opening(
    request: RunPhase, repository: RepositoryTools, earlier: EarlierDocuments
) -> str:
    """The first message of an attempt."""
    parts = [
        f"# The request, in the person's own words\n\n{request.title}\n\n{request.description}"
    ]
    if request.working_directory:
        parts.append(f"# Working directory\n\n{request.working_directory}")
    notes = await repository.text(STEERING_FILE, _STEERING_LIMIT)
    steering = "\n\n".join(text for text in (request.steering, notes) if text)
    if steering:
        parts.append(f"# Steering notes of the project\n\n{steering}")
    parts += [_told(phase, document) for phase, document in earlier.approved.items()]
    if request.answers:
        lines = [
            f"- {a.question or a.category}: {a.answer}{' (assumed)' if a.assumed else ''}"
            for a in request.answers
        ]
        parts.append("# Answers\n\n" + "\n".join(lines))
    if earlier.previous is not None:
        parts.append(f"# Your previous attempt\n\n{_cut(_pretty(earlier.previous))}")
    if request.feedback:
        parts.append(f"# What must change\n\n{request.feedback}")
    return "\n\n".join(parts)


def _told(phase: Phase, document: JsonValue) -> str:
    whole = _pretty(document)
    if len(whole) <= _WHOLE_LIMIT:
        return f"# Approved: {phase}\n\n{whole}"
    outline = [{k: part[k] for k in _OUTLINED if k in part} for part in _parts(document)]
    told = "\n".join(json.dumps(line, ensure_ascii=False) for line in outline)
    return f"# Approved: {phase}, in outline; `read_document` has the rest\n\n{_cut(told)}"


def _parts(document: JsonValue) -> list[dict[str, JsonValue]]:
    """Every item of a document's lists that has an id, those inside items too."""
    found: list[dict[str, JsonValue]] = []
    fields = cast(dict[str, JsonValue], document) if isinstance(document, dict) else {}
    for value in fields.values():
        for part in value if isinstance(value, list) else []:
            if isinstance(part, dict) and "id" in part:
                found += [part, *_parts(part)]
    return found


def _pretty(value: JsonValue) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _cut(text: str) -> str:
    if len(text) <= _READ_LIMIT:
        return text
    return f"{text[:_READ_LIMIT]}\n[... {len(text) - _READ_LIMIT} characters cut]"
