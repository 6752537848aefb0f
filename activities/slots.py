"""Slots of tasks and specs: Postgres holds the limit, Temporal waits and wakes."""

from temporalio import activity

from models.contracts.installation import InstallationSettings
from models.contracts.tasks import SlotAnswer, SlotRelease, SlotRequest
from models.rules.dag import PRIORITY_ORDER
from models.store import installation, slots
from models.store.database import Database


class SlotActivities:
    """Grants and takes back slots; idempotent by the holder's workflow id.

    The limits are read at each grant; ``first`` holds where nobody changed them.
    """

    def __init__(self, database: Database, first: InstallationSettings) -> None:
        self._database = database
        self._first = first

    @activity.defn
    async def request_slot(self, request: SlotRequest) -> SlotAnswer:
        """Ask for a slot; the answer is a grant or a place in the queue."""
        async with self._database.begin() as session:
            settings = await installation.get(session, self._first)
            limit = settings.slots_of(request.project_id)
            priority = PRIORITY_ORDER[request.priority]
            return await slots.request(session, request.project_id, request.holder, priority, limit)

    @activity.defn
    async def release_slot(self, request: SlotRequest) -> SlotRelease:
        """Give a slot back, or leave the queue; says who was granted one."""
        async with self._database.begin() as session:
            settings = await installation.get(session, self._first)
            limit = settings.slots_of(request.project_id)
            woken = await slots.release(session, request.project_id, [request.holder], limit)
        return SlotRelease(woken=woken)
