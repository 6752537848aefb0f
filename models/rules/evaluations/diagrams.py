"""Whether a Mermaid diagram is well formed, as far as one can tell without drawing it.

Source: Mermaid's syntax reference (diagram kinds, brackets, ``%%`` comments).
"""

import re
from typing import Final

_KINDS: Final = re.compile(
    r"(?:graph|flowchart)\s+(?:TB|TD|BT|RL|LR)\b|"
    r"(?:sequenceDiagram|classDiagram|stateDiagram(?:-v2)?|erDiagram|journey|gantt|mindmap|timeline|"
    r"pie|gitGraph|C4Context|block-beta|architecture-beta)\b"
)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_ER_CARDINALITY: Final = re.compile(r"[|}o]{1,2}(?:--|\.\.)[|{o]{1,2}")
_HOSTILE: Final = re.compile(
    r"<\s*(?:script|iframe|img)|javascript:|^\s*click\b|%%\{", re.IGNORECASE | re.MULTILINE
)


def diagram_fault(text: str) -> str | None:
    """What is wrong with a diagram, None when nothing is."""
    lines = [line.strip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith("%%")]
    if not lines:
        return "there is no diagram"
    if _HOSTILE.search(text):
        return "scripts, links and directives are not taken"
    if not _KINDS.match(lines[0]):
        return "the first line must name a Mermaid diagram, e.g. 'graph LR'"
    if len(lines) == 1:
        return "the diagram is empty"
    return next((fault for line in lines[1:] if (fault := _line_fault(line))), None)


def _line_fault(line: str) -> str | None:
    bare = re.sub(r'"[^"]*"', "", _ER_CARDINALITY.sub("", line))
    if '"' in bare:
        return f"an open quote in '{line[:60]}'"
    if re.search(r"(?:-->|---|==>)\s*$", bare):
        return f"an arrow to nowhere in '{line[:60]}'"
    if bare.endswith("{") or bare == "}":
        return None  # a block of a class, state or entity
    stack: list[str] = []
    for character in re.sub(r"-?->>?|--?\)", "", bare):
        if character in _PAIRS.values():
            stack.append(character)
        elif character in _PAIRS and (not stack or stack.pop() != _PAIRS[character]):
            return f"a bracket that was not opened in '{line[:60]}'"
    return f"an open bracket in '{line[:60]}'" if stack else None
