"""EARS, the Easy Approach to Requirements Syntax, as a grammar over words: `shallow` is no `shall`.

Source: Mavin, Wilkinson, Harwood, Novak: "Easy Approach to Requirements Syntax (EARS)", RE'09.

    requirement = [ preamble ] "the" system "shall" response [ "." ]
    preamble    = clause { "," [ "and" ] clause } [ "," ] [ "then" ]
    clause      = "where" feature | "while" state | "when" trigger | "if" trigger

The main clause begins after the last comma or ``then`` before the first ``shall``, so a condition
may hold commas of its own. One kind of clause gives its pattern, several give ``complex``.
"""

import re
from dataclasses import dataclass
from typing import Final

from models.contracts.documents import EarsPattern

_TOKEN: Final = re.compile(r"[^\W_](?:[\w'\-./]*\w)?|[^\s\w]|_")
_SLOTS: Final = {"where": "feature", "while": "state", "when": "trigger", "if": "trigger"}
_PATTERNS: Final[dict[str, EarsPattern]] = {
    "where": "optional",
    "while": "state",
    "when": "event",
    "if": "unwanted",
}
_EXCERPT_WORDS: Final = 6


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
    """The sentence is not EARS.

    Attributes:
        missing: what is missing, e.g. ``the word 'shall' is missing``.
        position: offset in characters, in the sentence with single spaces, where it was expected.
    """

    def __init__(self, missing: str, sentence: str, position: int) -> None:
        near = " ".join(sentence[position:].split()[:_EXCERPT_WORDS])
        place = f"at character {position}, before '{near}'" if near else "at the end"
        super().__init__(f"{missing} ({place})")
        self.missing = missing
        self.position = position


class _Reader:
    """A sentence as words with their places; words compare in lower case."""

    def __init__(self, text: str) -> None:
        self.sentence = " ".join(text.split()).rstrip(". ")
        self.tokens = list(_TOKEN.finditer(self.sentence))
        self.words = [token.group().lower() for token in self.tokens]

    def start(self, index: int) -> int:
        """Where a word begins; the sentence's end for one past the last."""
        return self.tokens[index].start() if index < len(self.tokens) else len(self.sentence)

    def between(self, first: int, end: int) -> str:
        """The text of the words ``first`` up to, and without, ``end``."""
        if first >= end:
            return ""
        return self.sentence[self.tokens[first].start() : self.tokens[end - 1].end()]

    def error(self, missing: str, index: int) -> EarsError:
        """An error at the place of a word."""
        return EarsError(missing, self.sentence, self.start(index))


def parse_ears(text: str) -> EarsSentence:
    """Parse one requirement.

    Raises:
        EarsError: naming the missing part and where it was expected.
    """
    reader = _Reader(text)
    words = reader.words
    if "shall" not in words:
        msg = "the word 'shall' is missing"
        raise reader.error(msg, _expected_shall(words))
    shall = words.index("shall")
    main = _main_clause(reader, shall)
    system = reader.between(main + 1, shall)
    if not system:
        msg = "no system is named between 'the' and 'shall'"
        raise reader.error(msg, shall)
    response = reader.between(shall + 1, len(words))
    if not re.search(r"\w", response):
        msg = "nothing follows 'shall': the response is missing"
        raise reader.error(msg, len(words))
    clauses = _clauses(reader, main)
    slots: dict[str, str] = {}
    for keyword, condition in clauses:
        slot = _SLOTS[keyword]
        slots[slot] = f"{slots[slot]}, {condition}" if slot in slots else condition
    kinds = {keyword for keyword, _ in clauses}
    pattern: EarsPattern = "ubiquitous"
    if kinds:
        pattern = _PATTERNS[kinds.pop()] if len(kinds) == 1 else "complex"
    return EarsSentence(pattern=pattern, system=system, response=response, **slots)


def _expected_shall(words: list[str]) -> int:
    """Where 'shall' belongs: at another modal verb, else at the end."""
    modals = {"should", "will", "must", "may", "can", "could", "would", "might"}
    return next((n for n, word in enumerate(words) if word in modals), len(words))


def _main_clause(reader: _Reader, shall: int) -> int:
    """Index of the 'the' that begins the main clause."""
    words = reader.words
    breaks = [n for n in range(shall) if words[n] in {",", "then"}]
    begin = breaks[-1] + 1 if breaks else 0
    if begin <= shall and words[begin] == "the":
        return begin
    msg = "the main clause must read 'the <system> shall …'"
    if breaks or words[0] in _SLOTS:
        msg += " after the comma that ends the condition"
    raise reader.error(msg, begin)


def _clauses(reader: _Reader, main: int) -> list[tuple[str, str]]:
    """The conditions before the main clause, as (keyword, condition), in order."""
    words = reader.words
    end = main
    then = end > 0 and words[end - 1] == "then"
    end -= then
    while end > 0 and words[end - 1] == ",":
        end -= 1
    clauses: list[tuple[str, str]] = []
    if end == 0 and not then:
        return []
    starts = _clause_starts(words, end)
    if not starts or starts[0] > 0:
        msg = "a condition must begin with Where, While, When or If"
        raise reader.error(msg, 0)
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        keyword_at = start + (words[start] == "and")
        last = stop
        while last > keyword_at + 1 and words[last - 1] == ",":
            last -= 1
        condition = reader.between(keyword_at + 1, last)
        keyword = words[keyword_at]
        if not re.search(r"\w", condition):
            msg = f"nothing follows '{keyword}': the {_SLOTS[keyword]} is missing"
            raise reader.error(msg, keyword_at + 1)
        clauses.append((keyword, condition))
    if any(keyword == "if" for keyword, _ in clauses) and not then:
        msg = "an 'If' condition needs 'then' before the main clause"
        raise reader.error(msg, main)
    return clauses


def _keyword_at(words: list[str], index: int) -> str | None:
    """The clause keyword at this word, or after an 'and' here; None when there is none."""
    at = index + (index < len(words) and words[index] == "and")
    return words[at] if at < len(words) and words[at] in _SLOTS else None


def _clause_starts(words: list[str], end: int) -> list[int]:
    """Where clauses begin: at the first word, and after commas that a keyword follows."""
    places = [0, *(n + 1 for n in range(end) if words[n] == ",")]
    return [n for n in places if n < end and _keyword_at(words[:end], n) is not None]
