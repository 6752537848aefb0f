"""Changes of single items in a document's JSON, as people make them; ids are given, never reused.

Every function takes and returns a whole document; what it becomes is judged by the rules.
"""

import copy
import re
from typing import Final, cast

from pydantic import JsonValue

from models.errors import Conflict, NotFound

Json = dict[str, JsonValue]
_PREFIX: Final = {"requirements": "REQ", "tickets": "TKT", "tasks": "TSK"}


def _items(document: Json, where: str) -> list[Json]:
    found = document.setdefault(where, [])
    return cast(list[Json], found)


def _position(items: list[Json], item_id: str) -> int:
    position = next((n for n, item in enumerate(items) if item.get("id") == item_id), None)
    if position is None:
        msg = f"There is no {item_id}."
        raise NotFound(msg, code="item-not-found", item=item_id)
    return position


def _number(item_id: JsonValue) -> int:
    found = re.search(r"(\d+)$", str(item_id))
    return int(found.group(1)) if found else 0


def add_item(document: Json, where: str, item: Json) -> tuple[Json, str]:
    """A document with one more item; an empty id is given the next number.

    Raises:
        Conflict: the id is taken.
    """
    changed = copy.deepcopy(document)
    items = _items(changed, where)
    item_id = str(item.get("id") or "")
    if not item_id:
        highest = max((_number(i.get("id")) for i in items), default=0)
        item_id = f"{_PREFIX[where]}-{highest + 1:03d}"
    if any(i.get("id") == item_id for i in items):
        msg = f"There is a {item_id} already."
        raise Conflict(msg, code="item-exists", item=item_id)
    items.append({**item, "id": item_id})
    return changed, item_id


def put_item(document: Json, where: str, item_id: str, item: Json) -> Json:
    """A document with an item in the place of the one with this id.

    Raises:
        NotFound: no item with this id.
    """
    changed = copy.deepcopy(document)
    items = _items(changed, where)
    items[_position(items, item_id)] = {**item, "id": item_id}
    return changed


def patch_item(document: Json, where: str, item_id: str, given: Json) -> Json:
    """A document with some fields of an item changed.

    Raises:
        NotFound: no item with this id.
    """
    items = _items(copy.deepcopy(document), where)
    return put_item(document, where, item_id, {**items[_position(items, item_id)], **given})


def drop_item(document: Json, where: str, item_id: str) -> Json:
    """A document without an item; what depended on it does so no more.

    Raises:
        NotFound: no item with this id.
    """
    changed = copy.deepcopy(document)
    items = _items(changed, where)
    del items[_position(items, item_id)]
    for other in items:
        waits = other.get("depends_on")
        if isinstance(waits, list):
            other["depends_on"] = [i for i in waits if i != item_id]
    return changed


def add_criterion(document: Json, requirement_id: str, criterion: Json) -> tuple[Json, str]:
    """A document with one more criterion of a requirement.

    Raises:
        NotFound: no such requirement.
        Conflict: the id is taken.
    """
    changed = copy.deepcopy(document)
    criteria = _criteria(changed, requirement_id)
    item_id = str(criterion.get("id") or "")
    if not item_id:
        highest = max((_number(c.get("id")) for c in criteria), default=0)
        item_id = f"AC-{requirement_id.removeprefix('REQ-')}.{highest + 1}"
    if any(c.get("id") == item_id for c in criteria):
        msg = f"There is a {item_id} already."
        raise Conflict(msg, code="item-exists", item=item_id)
    criteria.append({**criterion, "id": item_id})
    return changed, item_id


def put_criterion(
    document: Json, requirement_id: str, criterion_id: str, criterion: Json | None
) -> Json:
    """A document with another criterion in the place of one, or without it when None.

    Raises:
        NotFound: no such requirement or criterion.
    """
    changed = copy.deepcopy(document)
    criteria = _criteria(changed, requirement_id)
    position = _position(criteria, criterion_id)
    if criterion is None:
        del criteria[position]
    else:
        criteria[position] = {**criterion, "id": criterion_id}
    return changed


def _criteria(document: Json, requirement_id: str) -> list[Json]:
    requirements = _items(document, "requirements")
    requirement = requirements[_position(requirements, requirement_id)]
    return _items(requirement, "acceptance_criteria")
