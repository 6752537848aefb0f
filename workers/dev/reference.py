"""``make docs``: writes the documentation's reference from the code."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models.contracts.evaluations import EvaluationLimits
from models.contracts.phases import PHASE_INFO, Phase
from models.contracts.projects import ProjectSettings
from models.rules.evaluations.documents import rule_book
from models.rules.gates import OPTIONS
from models.rules.prices import price_table
from models.settings import (
    ApiSettings,
    DatabaseSettings,
    ExecutionSettings,
    LanguageSettings,
    LogSettings,
    SandboxSettings,
)
from workers.dev.catalogue import render_commands, render_events

_FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"
_GROUPS: Final = (
    DatabaseSettings,
    LanguageSettings,
    SandboxSettings,
    ExecutionSettings,
    ApiSettings,
    LogSettings,
)


def render() -> dict[Path, str]:
    """Every page, in Markdown, by its path."""
    evaluation = [*_head(), *_rules(), *_gates(), *_settings(), *_prices()]
    pages = {
        "evaluation.md": evaluation,
        "settings.md": [*_environment()],
        "events.md": [*render_events()],
        "commands.md": [*render_commands()],
    }
    return {_FOLDER / name: "\n".join(lines) + "\n" for name, lines in pages.items()}


def _environment() -> Iterator[str]:
    yield "# Settings of an installation"
    yield ""
    yield "Made from the code by `make docs`; do not edit. Worker and API read them from the environment, once, when they start."
    yield "`GET` and `PATCH /api/v1/settings` show and change `orchestrator_enabled`, `max_concurrent_tasks_per_project` and `max_concurrent_specs` while it runs."
    for group in _GROUPS:
        yield from ("", f"## {(group.__doc__ or '').splitlines()[0]}", "")
        yield from ("| variable | default | meaning |", "|---|---|---|")
        for name, field in group.model_fields.items():
            default = "needed" if field.is_required() else f"`{field.default}`"
            yield f"| `{name.upper()}` | {default} | {field.description} |"
    yield from ("", "Temporal's own `TEMPORAL_*` variables say where it is.")


def _head() -> Iterator[str]:
    yield "# Rules, gates and prices"
    yield ""
    yield "Made from the code by `make docs`; do not edit. The same tables are served at `GET /api/v1/rules`."
    yield ""
    yield "A document passes when every hard rule holds and its weighted score reaches the threshold."


def _rules() -> Iterator[str]:
    meanings = {info.phase: info.meaning for info in PHASE_INFO}
    for table in rule_book():
        total = sum(rule.weight for rule in table.rules)
        yield from ("", f"## {table.phase.value.capitalize()}", "")
        yield f"{meanings[table.phase]}. Threshold {table.threshold:.2f}, weights add up to {total:g}."
        yield from ("", "| rule | weight | what must be so |", "|---|---|---|")
        for rule in table.rules:
            weight = "hard" if rule.hard else f"{rule.weight:g}"
            yield f"| `{rule.id}` | {weight} | {rule.says} |"
    yield from ("", "## Sync", "")
    yield f"{meanings[Phase.SYNC]}. Nothing is asked of a model; blockers send the plan back to tasks."


def _gates() -> Iterator[str]:
    yield from ("", "## Gates", "", "| gate | decisions |", "|---|---|")
    for kind, decisions in OPTIONS.items():
        yield f"| {kind.value} | {', '.join(decision.value for decision in decisions)} |"
    yield ""
    yield "A failure gate also takes `edit` in a phase, and `skip` for tasks."


def _settings() -> Iterator[str]:
    yield from ("", "## Settings of a project", "")
    yield "A spec may override any of them at launch. Times are ISO 8601 durations, such as `PT8H`."
    yield from ("", "| setting | default |", "|---|---|")
    defaults = ProjectSettings().model_dump(mode="json")
    limits = EvaluationLimits().model_dump(mode="json")
    for name, value in defaults.items():
        if name in {"gates", "environment", "limits"}:
            continue
        yield f"| `{name}` | `{value}` |"
    for name, value in limits.items():
        yield f"| `limits.{name}` | `{value}` |"
    for phase, policy in defaults["gates"].items():
        yield f"| `gates.{phase}` | `{policy['mode']}` |"


def _prices() -> Iterator[str]:
    table = price_table()
    yield from ("", f"## Prices, table {table.version}", "")
    yield "USD for a million tokens. Other models: `MODEL_PRICES`, as JSON by model name."
    yield from (
        "",
        "| model | input | output | cache read | cache write |",
        "|---|---|---|---|---|",
    )
    for model, price in table.prices.items():
        cells = (price.input, price.output, price.cache_read, price.cache_write)
        yield f"| {model} | {' | '.join(f'{cell:g}' for cell in cells)} |"


def main() -> int:
    """Write the pages, or see that they are what the code says."""
    parser = argparse.ArgumentParser(prog="python -m workers.dev.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; 1 when it differs")
    arguments = parser.parse_args()
    pages = render()
    if arguments.check:
        same = (path.is_file() and path.read_text("utf-8") == text for path, text in pages.items())
        return 0 if all(same) else 1
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
