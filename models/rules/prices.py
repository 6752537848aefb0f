"""What model calls cost: the price table as data, and sums over it.

Source of the prices: the provider's public price list as of 2025-11. Prices of other models come
from the setting ``MODEL_PRICES``; a model without one has an unknown cost, which is shown as such.
The scripted model of the demo costs nothing.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from models.contracts.budgets import BudgetLimits, Reservation
from models.contracts.usage import Price, PriceTable, Usage

SCRIPTED_MODEL: Final = "scripted-model"
_VERSION: Final = "2025-11"
_MILLION: Final = Decimal(1_000_000)
_LISTED: Final[dict[str, tuple[str, str]]] = {
    SCRIPTED_MODEL: ("0", "0"),
    "claude-opus-4-5": ("5", "25"),
    "claude-sonnet-4-5": ("3", "15"),
    "claude-haiku-4-5": ("1", "5"),
}


def _price(input_usd: str, output_usd: str) -> Price:
    """A listed price; reading the cache costs a tenth of the input, writing it a quarter more."""
    base = Decimal(input_usd)
    return Price(
        input=base,
        output=Decimal(output_usd),
        cache_read=base / 10,
        cache_write=base * Decimal("1.25"),
    )


def price_table(own: Mapping[str, Price] | None = None) -> PriceTable:
    """The listed prices with an installation's own ones, which win."""
    listed = {model: _price(*prices) for model, prices in _LISTED.items()}
    version = f"{_VERSION}+own" if own else _VERSION
    return PriceTable(version=version, prices={**listed, **(own or {})})


def priced(table: PriceTable, model: str, usage: Usage) -> Usage:
    """The usage with its cost, None when the model has no known price."""
    price = table.of(model)
    if price is None:
        return usage.model_copy(update={"cost_usd": None})
    cost = (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_tokens * price.cache_write
    ) / _MILLION
    return usage.model_copy(update={"cost_usd": cost})


def worst_case(table: PriceTable, model: str, input_tokens: int, max_tokens: int) -> Reservation:
    """The most that a call can use: its whole input at the dearest rate, its longest answer."""
    price = table.of(model)
    usd: Decimal | None = None
    if price is not None:
        usd = (input_tokens * price.dearest_input + max_tokens * price.output) / _MILLION
    return Reservation(usd=usd, tokens=input_tokens + max_tokens)


def is_bounded(table: PriceTable, model: str, limits: BudgetLimits) -> bool:
    """True when these limits hold for the model: it has a price, or tokens are limited."""
    return table.of(model) is not None or limits.tokens is not None
