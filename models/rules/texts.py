"""Text from models and repositories, made storable: Postgres takes no NUL, UTF-8 no half character."""

from typing import Final

from pydantic import JsonValue

_INSTEAD: Final = "\N{REPLACEMENT CHARACTER}"


def storable_text(text: str) -> str:
    """The text with what cannot be stored replaced."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _INSTEAD)


def storable(value: JsonValue) -> JsonValue:
    """A JSON value whose strings and keys can be stored."""
    match value:
        case str():
            return storable_text(value)
        case list():
            return [storable(item) for item in value]
        case dict():
            return {storable_text(key): storable(item) for key, item in value.items()}
        case _:
            return value
