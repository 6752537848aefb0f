"""Prompts as files: versioned with the code, one a phase and one for agents."""

from pathlib import Path

_FOLDER = Path(__file__).parent


def read_prompt(name: str) -> str:
    """The system prompt with this name."""
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
