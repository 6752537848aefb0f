"""The API's document: its examples are valid, and everything that may fail is told."""

import pytest
from pydantic import BaseModel

from api.openapi_examples import EXAMPLES
from tests.support.routes import DOCUMENT, Operation, operations


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_an_example_is_what_its_contract_takes(model: type[BaseModel]) -> None:
    assert model.model_validate(EXAMPLES[model])
    assert DOCUMENT["components"]["schemas"][model.__name__]["examples"] == [EXAMPLES[model]]


@pytest.mark.parametrize("operation", list(operations()), ids=lambda o: f"{o.method} {o.path}")
def test_an_operation_says_what_it_does_and_how_it_fails(operation: Operation) -> None:
    assert operation.document["description"]
    if not operation.path.startswith("/api/"):
        return
    answers = operation.document["responses"]
    assert {"400", "404", "409", "422", "503"} <= set(answers)
    assert "application/problem+json" in answers["503"]["content"]
