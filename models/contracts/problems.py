"""How an error is told over HTTP."""

from pydantic import Field, JsonValue

from models.contracts.base import Payload


class Problem(Payload):
    """An error; clients match on ``code``, never on ``detail``."""

    code: str
    detail: str
    context: dict[str, JsonValue] = Field(default_factory=dict)
    request_id: str = ""
