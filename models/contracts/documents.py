"""The documents that a model writes in explore, requirements and design.

Ids are stable inside a spec. Each class is the schema of the phase's ``submit`` tool, of
validation, of storage and of the API.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a document: what a model submits, so unknown fields are refused and told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PathPurpose(Part):
    """A repository path, relative with forward slashes, and what it is for."""

    path: str
    purpose: str


class RelatedFile(Part):
    """A file that the feature touches or depends on."""

    path: str
    relevance: str


class Conventions(Part):
    """How this project writes code."""

    naming: str = ""
    testing: str = ""
    patterns: tuple[str, ...] = ()


QuestionCategory = Literal["problem_value", "users_journeys", "scope", "technical", "risks"]


class ExploreQuestion(Part):
    """An open question with the answer that stands unless a person gives another."""

    category: QuestionCategory
    question: str
    assumed_answer: str


class Risk(Part):
    """What may go wrong, and what is done about it."""

    risk: str
    mitigation: str


class SuccessMetric(Part):
    """How one will know that the feature does its job."""

    metric: str
    target: str


class Feature(Part):
    """The feature as it was understood; ``name`` is kebab-case."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    one_liner: str
    problem: str
    in_scope: tuple[str, ...] = ()
    out_of_scope: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    success_metrics: tuple[SuccessMetric, ...] = ()
    size: Literal["small", "medium", "large"]


class Exploration(Part):
    """What explore found in the code, and how the feature is framed."""

    codebase_summary: str
    project_type: str
    tech_stack: tuple[str, ...] = ()
    structure: tuple[PathPurpose, ...] = ()
    key_files: tuple[PathPurpose, ...] = ()
    conventions: Conventions = Conventions()
    entry_points: tuple[str, ...] = ()
    setup_command: str = ""
    check_command: str = ""
    related_files: tuple[RelatedFile, ...] = ()
    questions: tuple[ExploreQuestion, ...] = ()
    feature: Feature


class Criterion(Part):
    """An acceptance criterion; a ``test`` one counts as shown only by a test that runs."""

    id: str
    text: str
    verified_by: Literal["test", "inspection"]


EarsPattern = Literal["ubiquitous", "event", "state", "optional", "unwanted", "complex"]


class Requirement(Part):
    """One requirement in EARS (Mavin et al., RE'09); ``pattern`` is the declared one."""

    id: str
    title: str
    kind: Literal["functional", "performance", "security", "usability", "reliability", "constraint"]
    priority: Literal["must", "should", "could"]
    pattern: EarsPattern
    text: str
    rationale: str = ""
    acceptance_criteria: tuple[Criterion, ...] = ()
    depends_on: tuple[str, ...] = ()


class Requirements(Part):
    """What must be true when the feature is done."""

    requirements: tuple[Requirement, ...] = ()
    assumptions: tuple[str, ...] = ()
    out_of_scope: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()


class Interface(Part):
    """A function, method, command or message that a component offers."""

    name: str
    inputs: str = ""
    outputs: str = ""
    errors: str = ""


class Component(Part):
    """A part of the design; ``file_paths`` are relative to the repository."""

    id: str
    name: str
    responsibility: str
    file_paths: tuple[str, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    requirement_ids: tuple[str, ...] = ()


class DataField(Part):
    """One field of a data model."""

    name: str
    type: str
    description: str = ""


class DataModel(Part):
    """A record that the feature adds or changes."""

    name: str
    fields: tuple[DataField, ...] = ()


class Endpoint(Part):
    """An HTTP endpoint that the feature adds or changes."""

    method: str
    path: str
    purpose: str
    request: str = ""
    response: str = ""
    errors: tuple[str, ...] = ()


class ErrorHandling(Part):
    """What happens when something goes wrong."""

    condition: str
    behaviour: str


class Testing(Part):
    """Tests to write, by kind."""

    unit: tuple[str, ...] = ()
    integration: tuple[str, ...] = ()


class Alternative(Part):
    """A way that was weighed and rejected."""

    option: str
    why_not: str


class Design(Part):
    """How the requirements are met; ``overview`` is Markdown, ``diagram`` is Mermaid."""

    overview: str
    diagram: str = ""
    components: tuple[Component, ...] = ()
    data_models: tuple[DataModel, ...] = ()
    api_endpoints: tuple[Endpoint, ...] = ()
    error_handling: tuple[ErrorHandling, ...] = ()
    testing: Testing = Testing()
    security: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    migration: str = ""
