"""Task slots of a project: Postgres holds the limit, Temporal waits and wakes."""

from temporalio import activity

from models.contracts.tasks import SlotAnswer, SlotRelease, SlotRequest
from models.rules.dag import PRIORITY_ORDER
from models.store import slots
from models.store.database import Database


class SlotActivities:
    """Grants and takes back slots; idempotent by the holder's workflow id."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit

    @activity.defn
    async def request_slot(self, request: SlotRequest) -> SlotAnswer:
        """Ask for a slot; the answer is a grant or a place in the queue."""
        async with self._database.begin() as session:
            return await slots.request(
                session,
                request.project_id,
                request.holder,
                PRIORITY_ORDER[request.priority],
                self._limit,
            )

    @activity.defn
    async def release_slot(self, request: SlotRequest) -> SlotRelease:
        """Give a slot back, or leave the queue; says who was granted one."""
        async with self._database.begin() as session:
            woken = await slots.release(session, request.project_id, request.holder, self._limit)
        return SlotRelease(woken=woken)
