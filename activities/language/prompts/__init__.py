"""Prompts as files, one a phase and one for agents; each names its version in its first line.

A changed text needs a new version, so that every attempt says which words it was asked with.
"""

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Prompt:
    """A system prompt; ``version`` reads ``explore-2``."""

    version: str
    text: str


def read_prompt(name: str) -> Prompt:
    """The system prompt with this name."""
    first, _, text = (_FOLDER / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    return Prompt(version=f"{name}-{first.removeprefix('version: ')}", text=text.lstrip("\n"))
