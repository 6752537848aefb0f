"""What planners are asked with: prompts by version, strict schemas, contexts that fit; and edits."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.language.prompts import read_prompt
from activities.language.schemas import tool_definition
from activities.openings import EarlierDocuments
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES
from models.errors import Conflict, NotFound
from models.rules.contexts import stubbed_before, upper_bound_tokens
from models.rules.diffs import changed_items, describe_changes, text_diff
from models.rules.edits import add_criterion, add_item, drop_item, put_criterion, put_item
from models.rules.texts import storable
from tests.support.documents import good_plan, good_requirements

PROMPTS = json.loads((Path(__file__).parent / "prompt_versions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["explore", "requirements", "design", "tasks", "agent", "judge"])
def test_a_changed_prompt_has_a_new_version(name: str) -> None:
    prompt = read_prompt(name)
    digest = hashlib.sha256(prompt.text.encode()).hexdigest()[:16]
    assert PROMPTS.get(prompt.version) == digest, "raise the prompt's version and note its digest"


def objects(node: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if isinstance(node, dict):
        fields = cast(dict[str, Any], node)
        if "properties" in fields:
            found.append(fields)
        for value in fields.values():
            found += objects(value)
    if isinstance(node, list):
        for item in cast(list[Any], node):
            found += objects(item)
    return found


@pytest.mark.parametrize("phase", DOCUMENT_TYPES)
def test_a_strict_tool_closes_every_object(phase: Phase) -> None:
    tool = tool_definition("submit", DOCUMENT_TYPES[phase], strict=True)
    assert tool["strict"] is True
    for made in objects(tool["input_schema"]):
        assert made["additionalProperties"] is False
        assert made["required"] == list(made["properties"])
    told = json.dumps(tool)
    for word in ('"pattern":', '"minimum":', '"maxLength":', '"default":'):
        assert word not in told.replace('"pattern": {', "")  # a field of requirements has that name


SIZES = st.lists(st.integers(0, 50_000), max_size=60)


@given(sizes=SIZES, room=st.integers(1_000, 400_000))
def test_stubs_only_grow_and_leave_the_newest_turns(sizes: list[int], room: int) -> None:
    steps = [stubbed_before(sizes[:n], 500, room) for n in range(len(sizes) + 1)]
    assert steps == sorted(steps)
    for n, stubbed in enumerate(steps):
        assert stubbed <= max(0, n - 4)
        if stubbed < n - 4:
            assert 500 + sum(sizes[stubbed:n]) <= room


@given(st.text(max_size=200))
def test_bytes_bound_tokens(text: str) -> None:
    messages: list[dict[str, JsonValue]] = [{"role": "user", "content": text}]
    assert upper_bound_tokens("s", messages, []) >= len(text.encode())


def test_long_documents_are_read_by_item() -> None:
    document = cast(JsonValue, good_requirements().model_dump(mode="json"))
    earlier = EarlierDocuments({Phase.REQUIREMENTS: document})
    item = earlier.read(Phase.REQUIREMENTS, "AC-002.1")
    assert item is not None
    assert "over budget by 5.00" in item
    assert earlier.read(Phase.REQUIREMENTS, "REQ-099") is None
    assert earlier.read(Phase.DESIGN, "") is None


def test_items_are_added_changed_and_dropped() -> None:
    document = cast(dict[str, JsonValue], good_plan().model_dump(mode="json"))
    added, item_id = add_item(document, "tasks", {"id": "", "title": "New"})
    assert item_id == "TSK-006"
    assert len(cast(list[Any], document["tasks"])) == 5, "the document given stays as it was"
    with pytest.raises(Conflict):
        add_item(added, "tasks", {"id": "TSK-006"})
    renamed = put_item(added, "tasks", "TSK-006", {"id": "TSK-999", "title": "Newer"})
    assert cast(list[Any], renamed["tasks"])[-1] == {"id": "TSK-006", "title": "Newer"}
    fewer = drop_item(renamed, "tasks", "TSK-001")
    waits = {t["id"]: t.get("depends_on") for t in cast(list[dict[str, Any]], fewer["tasks"])}
    assert waits["TSK-003"] == ["TSK-002"]
    with pytest.raises(NotFound):
        drop_item(fewer, "tasks", "TSK-001")


def test_criteria_are_numbered_below_their_requirement() -> None:
    document = cast(dict[str, JsonValue], good_requirements().model_dump(mode="json"))
    grown, item_id = add_criterion(document, "REQ-002", {"id": "", "text": "x"})
    assert item_id == "AC-002.3"
    without = put_criterion(grown, "REQ-002", "AC-002.3", None)
    assert without == document
    with pytest.raises(NotFound):
        put_criterion(grown, "REQ-009", "AC-002.3", None)


def test_changes_are_told_by_item_and_line() -> None:
    before = good_requirements()
    after = before.model_copy(update={"requirements": before.requirements[1:]})
    changes = changed_items(before, after)
    assert describe_changes(changes) == "gone: REQ-001"
    assert describe_changes(changed_items(None, after)) == ""
    assert text_diff("a\nb\n", "a\nc\n", "1", "2").splitlines()[-2:] == ["-b", "+c"]


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_whatever_is_written_can_be_stored(value: JsonValue) -> None:
    told = json.dumps(storable(value), ensure_ascii=False)
    assert told.encode()
    assert "\\u0000" not in told


def test_half_a_character_becomes_one_that_can_be_stored() -> None:
    assert storable({"a\0": ["\ud800", 1, None]}) == {"a\ufffd": ["\ufffd", 1, None]}
