"""What waits for a person, across specs."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from models.contracts.base import ProjectId, TaskId
from models.contracts.overviews import InboxItem, InboxKind, InboxPage
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session

_TEXT: Final = 300
_KINDS: Final = {
    "question": InboxKind.QUESTION,
    "budget": InboxKind.BUDGET,
    "failure": InboxKind.FAILURE,
    "run_failed": InboxKind.FAILURE,
    "pull_request": InboxKind.PULL_REQUEST,
}
_QUERY: Final = text("""
    WITH running AS (
        SELECT id, project_id, view->>'title' AS title FROM specs
        WHERE NOT archived AND status NOT IN ('completed', 'failed', 'cancelled')
    ), waiting AS (
        SELECT g.view->>'kind' AS kind, g.id, r.id AS spec_id, r.project_id, r.title,
               g.view->>'summary' AS text, g.opened_at AS at, NULL AS task_id
        FROM gates g JOIN running r ON r.id = g.spec_id WHERE g.status = 'open'
      UNION ALL
        SELECT 'question', q.id, r.id, r.project_id, r.title, q.view->>'text', q.asked_at,
               q.view->>'task_id'
        FROM questions q JOIN running r ON r.id = q.spec_id WHERE q.status = 'open'
      UNION ALL
        SELECT 'run_failed', s.id, s.id, s.project_id, s.view->>'title', s.view->>'error',
               (s.view->>'updated_at')::timestamptz, NULL
        FROM specs s WHERE s.status = 'failed' AND NOT s.archived
      UNION ALL
        SELECT 'pull_request', s.id, s.id, s.project_id, s.view->>'title', p.record->>'title',
               p.created_at, NULL
        FROM pull_requests p JOIN specs s ON s.id = p.spec_id
        WHERE s.status = 'completed' AND NOT s.archived AND p.record->>'state' = 'open'
    )
    SELECT * FROM waiting
    WHERE (CAST(:project AS uuid) IS NULL OR project_id = CAST(:project AS uuid))
      AND (CAST(:at AS timestamptz) IS NULL
           OR (at, id) > (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY at, id LIMIT :limit
""")


async def page(
    session: Session, *, project_id: ProjectId | None, cursor: str | None, limit: int
) -> InboxPage:
    """What waits, oldest first: gates, questions, failed runs, and pull requests to review."""
    at, last = read_cursor(cursor) if cursor is not None else (None, None)
    values = {"project": project_id, "at": at, "last": last, "limit": limit + 1}
    rows = (await session.execute(_QUERY, values)).all()
    following = rows[limit - 1] if len(rows) > limit else None
    return InboxPage(
        items=tuple(map(_item, rows[:limit])),
        next_cursor=write_cursor(following.at, following.id) if following is not None else None,
    )


def _item(row: Any) -> InboxItem:
    return InboxItem(
        kind=_KINDS.get(row.kind, InboxKind.GATE),
        id=row.id,
        project_id=row.project_id,
        spec_id=row.spec_id,
        task_id=TaskId(UUID(row.task_id)) if row.task_id else None,
        title=row.title,
        text=(row.text or "")[:_TEXT],
        at=row.at,
    )
