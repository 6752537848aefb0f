"""Prices of models, as data: USD per million tokens.

Source: the provider's public price list as of 2025-11. A model that is not listed has an unknown
cost, which is shown as such. The scripted model of the demo costs nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from models.contracts.usage import Usage

SCRIPTED_MODEL: Final = "scripted-model"
PRICE_TABLE_VERSION: Final = "2025-11"
_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal


def _price(input_usd: str, output_usd: str) -> Price:
    base = Decimal(input_usd)
    return Price(base, Decimal(output_usd), base / 10, base * Decimal("1.25"))


PRICES: Final[dict[str, Price]] = {
    SCRIPTED_MODEL: _price("0", "0"),
    "claude-opus-4-5": _price("5", "25"),
    "claude-sonnet-4-5": _price("3", "15"),
    "claude-haiku-4-5": _price("1", "5"),
}


def priced(model: str, usage: Usage) -> Usage:
    """The usage with its cost, None when the model has no known price."""
    price = PRICES.get(model)
    if price is None:
        return usage.model_copy(update={"cost_usd": None})
    cost = (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_tokens * price.cache_write
    ) / _MILLION
    return usage.model_copy(update={"cost_usd": cost})
