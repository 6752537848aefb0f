"""What of a conversation still fits into a model's window, decided the same way every time.

Sizes are bytes of JSON: a token of a byte-level vocabulary covers at least one byte, so bytes bound
tokens from above, and the decision needs no call.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

_STEP: Final = 8
_KEPT_TURNS: Final = 4
_PER_MESSAGE: Final = 16
_PER_REQUEST: Final = 2_000
STUB: Final = "[an earlier result was dropped to make room; call the tool again if it is needed]"


def upper_bound_tokens(
    system: str,
    messages: Sequence[Mapping[str, JsonValue]],
    tools: Sequence[Mapping[str, JsonValue]],
) -> int:
    """At most this many input tokens: the bytes of everything sent, and what the API adds."""
    total = len(system.encode()) + _bytes(list(tools)) + _PER_REQUEST
    return total + sum(_bytes(message) + _PER_MESSAGE for message in messages)


def _bytes(value: object) -> int:
    """The bytes of a JSON value without its punctuation, which the model's own form replaces."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return sum(_bytes(key) + _bytes(item) + 4 for key, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, Sequence):
        return sum(_bytes(item) + 2 for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return len(str(value))


def stubbed_before(result_bytes: Sequence[int], fixed_bytes: int, room_bytes: int) -> int:
    """How many of the oldest turns show stubs instead of their tools' results.

    Grows in steps of eight turns and never shrinks as turns are added, so that a rebuilt
    conversation is the same byte for byte and most of a cached prefix stays valid.

    Args:
        result_bytes: size of each turn's results and answer, oldest first.
        fixed_bytes: size of what always stays.
        room_bytes: what all of it may take.
    """
    stubbed = 0
    for seen in range(1, len(result_bytes) + 1):
        while (
            fixed_bytes + sum(result_bytes[stubbed:seen]) > room_bytes
            and stubbed + _KEPT_TURNS < seen
        ):
            stubbed = min(stubbed + _STEP, seen - _KEPT_TURNS)
    return stubbed
