"""The OpenAPI document: what FastAPI derives, and what it cannot know."""

from typing import Any, cast

from fastapi import FastAPI
from starlette.routing import compile_path

from api.openapi_examples import EXAMPLES

_PROBLEM = "application/problem+json"
_FIRST_ERROR = 400
_UNSAFE = frozenset({"post", "put", "patch", "delete"})
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "the same key gets the same answer; another body is refused with 422",
}


def install_openapi(app: FastAPI) -> None:
    """Make the document say that errors are problems, and which headers a write takes."""
    derive = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = derive()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
            schemas = document["components"]["schemas"]
            for model, example in EXAMPLES.items():
                schemas[model.__name__]["examples"] = [example]
            for name in schemas:
                if name.endswith("-Output"):
                    _loosen_durations(schemas[name]["properties"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi


def _loosen_durations(properties: dict[str, Any]) -> None:
    """Seconds may have a fraction in ISO 8601, and not in the format's RFC 3339, appendix A."""
    for field in properties.values():
        for kind in field.get("anyOf", ()):
            if kind.get("format") == "duration":
                del kind["format"]
                kind["description"] = "a duration as in ISO 8601; seconds may have a fraction"


def methods_of(app: FastAPI, path: str) -> list[str]:
    """The documented methods of a path, sorted; none where it is not documented."""
    found: list[tuple[int, list[str]]] = []
    for template, operations in app.openapi()["paths"].items():
        pattern, _, names = compile_path(template)
        if pattern.match(path):
            found.append((len(names), sorted(method.upper() for method in operations)))
    return min(found)[1] if found else []


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = cast(dict[str, Any], response.get("content", {}))
        if int(status) >= _FIRST_ERROR and "application/json" in content and path != "/readyz":
            content[_PROBLEM] = content.pop("application/json")
    parameters = cast(list[dict[str, Any]], operation.setdefault("parameters", []))
    for parameter in parameters:
        if parameter["name"] == "if-match":
            parameter["description"] = "the ETag of what was changed; without it the answer is 428"
    named = {parameter["name"].lower() for parameter in parameters}
    if method in _UNSAFE and path.startswith("/api/") and "idempotency-key" not in named:
        parameters.append(_KEY)
    if not parameters:
        del operation["parameters"]
