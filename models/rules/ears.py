"""EARS, the Easy Approach to Requirements Syntax, as a grammar over words.

Source: Mavin, Wilkinson, Harwood, Novak: "Easy Approach to Requirements Syntax (EARS)", RE'09.

    requirement = { clause "," } [ "then" ] "the" system "shall" response
    clause      = "where" feature | "while" state | "when" trigger | "if" trigger
"""

import re
from dataclasses import dataclass
from typing import Final

from models.contracts.documents import EarsPattern

_WORD: Final = re.compile(r"[A-Za-z0-9_'\-./]+|[^\sA-Za-z0-9_]")
_SLOTS: Final = {"where": "feature", "while": "state", "when": "trigger", "if": "trigger"}
_PATTERNS: Final[dict[str, EarsPattern]] = {
    "where": "optional",
    "while": "state",
    "when": "event",
    "if": "unwanted",
}


@dataclass(frozen=True)
class EarsSentence:
    """A parsed requirement; slots that the pattern does not have are None."""

    pattern: EarsPattern
    system: str
    response: str
    trigger: str | None = None
    state: str | None = None
    feature: str | None = None


class EarsError(ValueError):
    """The sentence is not EARS; the message says what is missing and where."""


def parse_ears(text: str) -> EarsSentence:
    """Parse one requirement.

    Raises:
        EarsError: naming the missing part, e.g. no word ``shall``.
    """
    sentence = " ".join(text.split()).rstrip(".")
    words = list(_WORD.finditer(sentence))
    lower = [match.group().lower() for match in words]
    if "shall" not in lower:
        msg = "the word 'shall' is missing"
        raise EarsError(msg)
    shall = lower.index("shall")
    response = sentence[words[shall].end() :].strip()
    if not response:
        msg = "nothing follows 'shall': the response is missing"
        raise EarsError(msg)
    start = _main_clause(lower, shall)
    system = sentence[words[start].end() : words[shall].start()].strip()
    if not system:
        msg = "no system is named between 'the' and 'shall'"
        raise EarsError(msg)
    slots, pattern = _preamble(sentence[: words[start].start()].strip())
    return EarsSentence(pattern=pattern, system=system, response=response, **slots)


def _main_clause(lower: list[str], shall: int) -> int:
    """Index of the 'the' that begins the main clause: after the last comma or 'then'."""
    breaks = [i for i in range(shall) if lower[i] in {",", "then"}]
    begin = breaks[-1] + 1 if breaks else 0
    if begin < shall and lower[begin] == "the":
        return begin
    msg = "the main clause must read 'the <system> shall …'"
    if breaks or lower[0] in _SLOTS:
        msg += " after the comma that ends the condition"
    raise EarsError(msg)


def _preamble(text: str) -> tuple[dict[str, str], EarsPattern]:
    if not text:
        return {}, "ubiquitous"
    then = bool(re.search(r"\bthen$", text, re.IGNORECASE))
    body = re.sub(r",?\s*\bthen$", "", text, flags=re.IGNORECASE).rstrip(", ")
    clauses: list[tuple[str, str]] = []
    for part in re.split(
        r",\s*(?=(?:and\s+)?(?:where|while|when|if)\b)", body, flags=re.IGNORECASE
    ):
        match = re.match(r"(?:and\s+)?(where|while|when|if)\b\s*(.*)", part, re.IGNORECASE)
        if match is None:
            msg = f"'{part[:40]}' must begin with Where, While, When or If"
            raise EarsError(msg)
        keyword, condition = match.group(1).lower(), match.group(2).strip()
        if not condition:
            msg = f"nothing follows '{keyword}': the {_SLOTS[keyword]} is missing"
            raise EarsError(msg)
        clauses.append((keyword, condition))
    keywords = [keyword for keyword, _ in clauses]
    if "if" in keywords and not then:
        msg = "an 'If' condition needs 'then' before the main clause"
        raise EarsError(msg)
    pattern = _PATTERNS[keywords[0]] if len(keywords) == 1 else "complex"
    slots: dict[str, str] = {}
    for keyword, condition in clauses:
        slot = _SLOTS[keyword]
        slots[slot] = f"{slots[slot]}, {condition}" if slot in slots else condition
    return slots, pattern
