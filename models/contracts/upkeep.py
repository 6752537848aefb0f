"""Upkeep: what the schedules look after, and what they found."""

from models.contracts.base import Payload


class Reconciled(Payload):
    """One pass: slots taken back, waiters woken, specs told as failed, and specs started late."""

    reclaimed: int = 0
    woken: int = 0
    failed: int = 0
    started: int = 0


class Reaped(Payload):
    """Names of the sandboxes that no workflow owned any more."""

    names: tuple[str, ...] = ()
