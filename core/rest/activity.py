"""What people did, and what the deployer did by itself to what they look after."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Activity
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

    by: Name = ""
    verb: Name = ""
    subject: Name = ""

    def of(self, rows: QuerySet[Activity]) -> QuerySet[Activity]:
        """Restrict a query."""
        wanted = {"user__username": self.by, "verb": self.verb, "subject": self.subject}
        return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("", response=Page[ActivityOut], summary="What was done, newest first")
def activity(request: HttpRequest, which: Query[ActivityFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(Activity.objects.select_related("user")))
    return {"items": items, "next": next}
