"""What client, worker and replayer share: converter, queue names, search attributes."""

from typing import Final

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter

DATA_CONVERTER: Final = pydantic_data_converter

WORKFLOW_QUEUE: Final = "specwright-workflows"
PLANNER_QUEUE: Final = "specwright-planner"
AGENT_QUEUE: Final = "specwright-agent"
IO_QUEUE: Final = "specwright-io"

PROJECT_ID: Final = SearchAttributeKey.for_keyword("ProjectId")
SPEC_STATUS: Final = SearchAttributeKey.for_keyword("SpecStatus")
SPEC_PHASE: Final = SearchAttributeKey.for_keyword("SpecPhase")
NEEDS_DECISION: Final = SearchAttributeKey.for_bool("NeedsDecision")
COST_USD: Final = SearchAttributeKey.for_float("CostUsd")
SEARCH_ATTRIBUTES: Final = (PROJECT_ID, SPEC_STATUS, SPEC_PHASE, NEEDS_DECISION, COST_USD)


def spec_attributes(project_id: object) -> TypedSearchAttributes:
    """The search attributes that a spec's workflow starts with."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PROJECT_ID, str(project_id)),
            SearchAttributePair(SPEC_STATUS, "executing"),
            SearchAttributePair(NEEDS_DECISION, value=False),
        ]
    )
