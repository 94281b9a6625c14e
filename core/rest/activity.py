"""What people did, and what the deployer did by itself to what they look after."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from core.models import Activity
from core.queries import activities
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["activity"])


class ActivityOut(Schema):
    """Something that was done. `by` is null for the deployer itself; `subject` is a kind and a key: `job 12`."""

    id: int
    at: datetime
    by: str | None
    verb: str
    subject: str
    label: str
    reason: str

    @staticmethod
    def resolve_by(row: Activity) -> str | None:
        return row.user.get_username() if row.user else None


class ActivityFilter(Schema):
    """Which of it is wanted."""

    by: Name = Field("", description="A person's name; `:deployer` for what nobody asked for.")
    verb: Name = ""
    subject: Name = Field("", description="A kind, `service`, or one thing, `service 12`.")
    since: AwareDatetime | None = None

    def rows(self) -> QuerySet[Activity]:
        """What of it there is."""
        rows = activities.filtered(by=self.by, verb=self.verb, subject=self.subject)
        return rows.filter(at__gte=self.since) if self.since else rows


@router.get("", response=Page[ActivityOut], summary="What was done, newest first")
def activity(request: HttpRequest, which: Query[ActivityFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.rows())
    return {"items": items, "next": next}
