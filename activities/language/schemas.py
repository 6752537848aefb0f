"""Contracts as tools of the Messages API.

Source: the API's rules for strict tools: every object closed, every property required, and only
what its grammar can hold; lengths, ranges and patterns are told in words and checked by us.
"""

from typing import Any, Final, cast

from pydantic import BaseModel, JsonValue

_UNSUPPORTED: Final = (
    "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "maxItems", "minItems", "uniqueItems", "pattern",
)  # fmt: skip


def tool_definition(
    name: str, schema: type[BaseModel], *, strict: bool = False
) -> dict[str, JsonValue]:
    """A tool from its pydantic model; a ``strict`` one is held to its schema by the provider."""
    described: dict[str, Any] = schema.model_json_schema()
    tool: dict[str, JsonValue] = {
        "name": name,
        "description": " ".join((schema.__doc__ or name).split()),
        "input_schema": _strict(described) if strict else described,
    }
    return {**tool, "strict": True} if strict else tool


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    fields = cast(dict[str, Any], node)
    dropped = [f"{key}: {fields[key]}" for key in _UNSUPPORTED if key in fields]
    kept = {
        key: _strict(value)
        for key, value in fields.items()
        if key not in _UNSUPPORTED and key not in {"default", "title"}
    }
    if "properties" in fields:
        kept["properties"] = {k: _strict(v) for k, v in fields["properties"].items()}
        kept["required"] = list(fields["properties"])
        kept["additionalProperties"] = False
    if dropped:
        told = f"{fields.get('description', '')} ({', '.join(dropped)})"
        kept["description"] = told.strip()
    return kept
