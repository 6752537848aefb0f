"""What model calls consumed and cost."""

from decimal import Decimal

from pydantic import Field

from models.contracts.base import Payload


class Usage(Payload):
    """Tokens and price of one or more model calls.

    ``cost_usd`` is None when any of the calls had no known price: unknown, not zero.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = Decimal(0)

    def plus(self, other: "Usage") -> "Usage":
        """Add two usages; an unknown cost makes the sum unknown."""
        cost: Decimal | None = None
        if self.cost_usd is not None and other.cost_usd is not None:
            cost = self.cost_usd + other.cost_usd
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_usd=cost,
        )


class Price(Payload):
    """USD for a million tokens of each kind."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cache_read: Decimal = Field(ge=0)
    cache_write: Decimal = Field(ge=0)

    @property
    def dearest_input(self) -> Decimal:
        """The most that a million input tokens can cost, cached or not."""
        return max(self.input, self.cache_read, self.cache_write)


class PriceTable(Payload):
    """Prices by model; ``version`` is kept with every call that was priced by it."""

    version: str
    prices: dict[str, Price]

    def of(self, model: str) -> Price | None:
        """The price of a model, None when it is unknown."""
        return self.prices.get(model)
