"""Documents as Markdown with front matter, as they stand in the branch and in the UI."""

import json
import re
from typing import Final

from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.phases import Phase
from models.contracts.plans import Document, SyncReport, TaskPlan
from models.contracts.questions import SettledAnswer

FILE_NAMES: Final[dict[Phase, str]] = {
    Phase.EXPLORE: "explore.md",
    Phase.REQUIREMENTS: "requirements.md",
    Phase.DESIGN: "design.md",
    Phase.TASKS: "tasks.md",
    Phase.SYNC: "sync.md",
}


def slug(title: str) -> str:
    """A short ASCII name for branches and folders; ``spec`` when nothing is left."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:40].strip("-") or "spec"


def spec_folder(title: str, spec_id: object) -> str:
    """Where a spec's documents stand in its branch: ``.spec/<slug>-<id8>``."""
    return f".spec/{slug(title)}-{str(spec_id).replace('-', '')[-8:]}"


def spec_branch(title: str, spec_id: object) -> str:
    """The spec's branch: ``spec/<slug>-<id8>``."""
    return f"spec/{slug(title)}-{str(spec_id).replace('-', '')[-8:]}"


def to_markdown(
    document: Document,
    *,
    phase: Phase,
    title: str,
    spec_id: object,
    answers: tuple[SettledAnswer, ...] = (),
) -> str:
    """Render a document; the front matter's values are JSON strings, which YAML reads.

    ``answers`` are those that stand for explore's questions; assumed ones are marked so.
    """
    match document:
        case Exploration():
            body = _exploration(document, answers)
        case Requirements():
            body = _requirements(document)
        case Design():
            body = _design(document)
        case TaskPlan():
            body = _plan(document)
        case SyncReport():
            body = _sync(document)
    front = [
        "---",
        f"spec: {json.dumps(str(spec_id))}",
        f"title: {json.dumps(title, ensure_ascii=False)}",
        f"phase: {phase.value}",
        "---",
        "",
    ]
    return "\n".join([*front, *body]).rstrip() + "\n"


def _bullets(items: tuple[str, ...] | list[str]) -> list[str]:
    return [f"- {item}" for item in items] or ["- none"]


def _section(heading: str, lines: list[str]) -> list[str]:
    return [f"## {heading}", "", *lines, ""] if lines else []


def _exploration(document: Exploration, answers: tuple[SettledAnswer, ...]) -> list[str]:
    feature = document.feature
    told = [
        f"- **{a.question}** {a.answer} *({'assumed' if a.assumed else 'answered'})*"
        for a in answers
        if a.question
    ]
    asked = [f"- **{q.question}** {q.assumed_answer} *(assumed)*" for q in document.questions]
    return [
        f"# {feature.one_liner}",
        "",
        feature.problem,
        "",
        *_section("Code base", [document.codebase_summary]),
        *_section("Stack", _bullets(document.tech_stack)),
        *_section("Key files", [f"- `{f.path}`: {f.purpose}" for f in document.key_files]),
        *_section(
            "Commands",
            [
                f"- set-up: `{document.setup_command or 'nothing to do'}`",
                f"- check: `{document.check_command or 'none'}`",
            ],
        ),
        *_section("In scope", _bullets(feature.in_scope)),
        *_section("Out of scope", _bullets(feature.out_of_scope)),
        *_section("Constraints", _bullets(feature.constraints)),
        *_section("Risks", [f"- {r.risk}: {r.mitigation}" for r in feature.risks]),
        *_section("Questions and answers", told or asked),
    ]


def _requirements(document: Requirements) -> list[str]:
    lines = ["# Requirements", ""]
    for item in document.requirements:
        lines += [
            f"## {item.id}: {item.title}",
            "",
            f"*{item.kind}, {item.priority}, {item.pattern}*",
            "",
            f"> {item.text}",
            "",
            *([item.rationale, ""] if item.rationale else []),
            *[f"- **{c.id}** ({c.verified_by}) {c.text}" for c in item.acceptance_criteria],
            "",
        ]
    lines += _section("Assumptions", [f"- {text}" for text in document.assumptions])
    return lines + _section("Out of scope", [f"- {text}" for text in document.out_of_scope])


def _design(document: Design) -> list[str]:
    lines = ["# Design", "", document.overview, ""]
    if document.diagram:
        lines += ["```mermaid", document.diagram, "```", ""]
    for component in document.components:
        lines += [
            f"## {component.id}: {component.name}",
            "",
            component.responsibility,
            "",
            *[f"- file `{path}`" for path in component.file_paths],
            *[
                f"- `{i.name}` takes {i.inputs or 'nothing'}, gives {i.outputs or 'nothing'}"
                + (f", fails with {i.errors}" if i.errors else "")
                for i in component.interfaces
            ],
            f"- serves {', '.join(component.requirement_ids) or 'no requirement'}",
            "",
        ]
    for model in document.data_models:
        fields = [f"- `{f.name}` ({f.type}) {f.description}" for f in model.fields]
        lines += _section(f"Data: {model.name}", fields)
    lines += _section(
        "Errors", [f"- {e.condition}: {e.behaviour}" for e in document.error_handling]
    )
    tests = [*document.testing.unit, *document.testing.integration]
    lines += _section("Tests", [f"- {text}" for text in tests])
    lines += _section("Security", [f"- {text}" for text in document.security])
    return lines + _section(
        "Rejected", [f"- {a.option}: {a.why_not}" for a in document.alternatives]
    )


def _plan(document: TaskPlan) -> list[str]:
    lines = ["# Tasks", ""]
    for ticket in document.tickets:
        lines += [f"## {ticket.id}: {ticket.title}", "", ticket.description, ""]
        for task in document.tasks:
            if task.ticket_id != ticket.id:
                continue
            lines += [
                f"### {task.id}: {task.title}",
                "",
                task.description,
                "",
                f"- {task.kind}, {task.priority}, {task.estimate_minutes} min",
                *[f"- creates `{path}`" for path in task.files_to_create],
                *[f"- modifies `{path}`" for path in task.files_to_modify],
                f"- serves {', '.join(task.requirement_ids) or 'no requirement'}"
                f" ({', '.join(task.acceptance_criteria_ids) or 'no criterion'})",
                f"- after {', '.join(task.depends_on) or 'nothing'}",
                "",
            ]
    return lines


def _sync(document: SyncReport) -> list[str]:
    rows = [
        f"| {c.requirement_id} | {c.status} | {', '.join(c.task_ids)} |" for c in document.coverage
    ]
    path = document.critical_path
    return [
        "# Sync",
        "",
        "| requirement | status | tasks |",
        "|---|---|---|",
        *rows,
        "",
        *_section("Waves", [f"{n}. {', '.join(w)}" for n, w in enumerate(document.waves, start=1)]),
        *_section("Critical path", [f"{' → '.join(path.task_ids)} ({path.minutes} min)"]),
        *_section(
            "Shared files",
            [f"- `{o.path}`: {', '.join(o.task_ids)}" for o in document.file_overlaps],
        ),
        *_section("Blockers", [f"- {text}" for text in document.blockers]),
    ]
