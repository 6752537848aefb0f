"""The money side of a model call: reserved before, settled, released or counted as lost after."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from pydantic import JsonValue
from temporalio import activity

from activities.language.client import MAX_TOKENS, WINDOW_TOKENS, ModelClient
from activities.language.talks import Talk, Toolbox
from models.contracts.events import NewEvent
from models.contracts.facts import CallLost, Waiting
from models.errors import AppError, Conflict, RetryableError
from models.rules.contexts import upper_bound_tokens
from models.rules.prices import worst_case
from models.store import budgets, conversations, events
from models.store.budgets import Call
from models.store.database import Database, Session

_COUNT_MARGIN: Final = 50  # a fiftieth, two per cent


class CallBook:
    """Keeps the book of model calls; ``daily_usd`` is the installation's limit, None for none.

    ``longest_pause`` bounds a wait for the provider where it does not say how long.
    """

    def __init__(
        self,
        database: Database,
        client: ModelClient,
        *,
        daily_usd: Decimal | None,
        longest_pause: timedelta,
    ) -> None:
        self._database = database
        self._client = client
        self._daily_usd = daily_usd
        self._longest_pause = longest_pause

    async def count_lost(self, session: Session, talk: Talk) -> None:
        """Calls whose answer never came are lost: told, and counted at their worst case."""
        lost = [
            NewEvent(
                dedup_key=f"{talk.conversation_id}/{call.turn}/lost/{call.call_id}",
                fact=CallLost(
                    turn=call.turn,
                    at_most_usd=call.worst.usd,
                    at_most_tokens=call.worst.tokens,
                    phase=talk.phase,
                    task_id=talk.task_id,
                ),
            )
            for call in await budgets.lose(session, talk.conversation_id)
        ]
        if lost:
            await events.append(session, talk.project_id, talk.spec_id, lost)

    async def reserve(
        self,
        talk: Talk,
        toolbox: Toolbox,
        messages: Sequence[Mapping[str, JsonValue]],
        number: int,
    ) -> UUID:
        """Reserve the call's worst case: by size, and where that does not fit, as counted.

        Raises:
            Conflict: the budget or the model's window does not hold it.
        """
        bound = upper_bound_tokens(talk.system, messages, toolbox.definitions)
        room = WINDOW_TOKENS - MAX_TOKENS
        if bound <= room:
            try:
                return await self._begin(talk, number, bound)
            except Conflict:
                counted = await self._count(talk, toolbox, messages)
        else:
            counted = await self._count(talk, toolbox, messages)
        if counted > room:
            msg = f"The conversation has {counted} tokens and does not fit into the model's window."
            raise Conflict(msg, code="context-full")
        return await self._begin(talk, number, counted)

    async def _count(
        self, talk: Talk, toolbox: Toolbox, messages: Sequence[Mapping[str, JsonValue]]
    ) -> int:
        """The provider's own count, an estimate by its own words, so with a margin."""
        counted = await self._client.count(
            scripted=talk.scripted,
            model=talk.model,
            system=talk.system,
            messages=messages,
            tools=toolbox.definitions,
        )
        return counted + counted // _COUNT_MARGIN + 1

    async def _begin(self, talk: Talk, number: int, input_tokens: int) -> UUID:
        table = self._client.prices
        call = Call(
            conversation_id=talk.conversation_id,
            spec_id=talk.spec_id,
            turn=number,
            model=talk.model,
            price_version=table.version,
            worst=worst_case(table, talk.model, input_tokens, MAX_TOKENS),
            daily_usd=self._daily_usd,
        )
        async with self._database.begin() as session:
            call_id = await budgets.begin_call(session, call)
            warned = await budgets.warning(session, talk.spec_id)
            if warned is not None:  # each limit warns once, by its key
                key = f"budget-warning/{warned.limit_usd}/{warned.limit_tokens}"
                told = NewEvent(dedup_key=key, fact=warned)
                await events.append(session, talk.project_id, talk.spec_id, [told])
        return call_id

    async def give_up(self, talk: Talk, number: int, error: AppError, unpaid: UUID | None) -> None:
        """Give an unpaid call back, and say until when one waits for the provider."""
        async with self._database.begin() as session:
            if unpaid is not None:
                await budgets.release(session, unpaid)
            if not isinstance(error, RetryableError):
                return
            tried = activity.info().attempt
            if error.retry_after is None:
                pause = timedelta(seconds=2 ** min(tried, 10))
                error.retry_after = min(pause, self._longest_pause)
            until = datetime.now(UTC) + error.retry_after
            told = f"{error.detail} Resumes at {until:%H:%M:%S} UTC."
            waiting = NewEvent(
                dedup_key=f"{talk.conversation_id}/{number}/waiting/{uuid4()}",
                fact=Waiting(until=until, reason=told, task_id=talk.task_id),
            )
            await conversations.forgive_try(session, talk.conversation_id)
            await events.append(session, talk.project_id, talk.spec_id, [waiting])
