"""What changed between two versions of a document: by item, and line by line."""

import difflib
from collections.abc import Iterator
from typing import Any

from models.contracts.attempts import ItemChanges
from models.contracts.documents import Design, Requirements
from models.contracts.plans import GeneratedDocument, TaskPlan


def changed_items(before: GeneratedDocument | None, after: GeneratedDocument) -> ItemChanges:
    """Ids of items that are new, different or gone; top-level fields where there are no items."""
    if before is None:
        return ItemChanges()
    old, new = dict(_items(before)), dict(_items(after))
    return ItemChanges(
        added=tuple(key for key in new if key not in old),
        changed=tuple(key for key in new if key in old and new[key] != old[key]),
        removed=tuple(key for key in old if key not in new),
    )


def _items(document: GeneratedDocument) -> Iterator[tuple[str, Any]]:
    fields = document.model_dump(mode="json")
    match document:
        case Requirements():
            listed = ["requirements"]
        case Design():
            listed = ["components"]
        case TaskPlan():
            listed = ["tickets", "tasks"]
        case _:
            listed = []
    for name in listed:
        for item in fields.pop(name):
            yield item["id"], item
    yield from fields.items()


def describe_changes(changes: ItemChanges) -> str:
    """The changes in one line, empty when there are none."""
    parts = [
        f"{word} {', '.join(ids[:8])}{' …' if len(ids) > 8 else ''}"  # noqa: PLR2004 - one line
        for word, ids in (
            ("new:", changes.added),
            ("changed:", changes.changed),
            ("gone:", changes.removed),
        )
        if ids
    ]
    return "; ".join(parts)


def text_diff(before: str, after: str, from_name: str, to_name: str) -> str:
    """A unified diff of two texts, empty when they are the same."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), from_name, to_name, lineterm=""
    )
    return "\n".join(lines)
