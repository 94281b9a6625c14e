"""Webhooks that arrived."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Delivery
from core.queries.deliveries import Shown, shown
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["deliveries"])


class DeliveryOut(Schema):
    """A webhook, and what it led to. `count` says how often it came; those that were refused are one for each reason.

    Whoever has not signed in sees no repositories that are not declared.
    """

    id: int
    source: str
    event: str
    sender: str
    repositories: list[str]
    count: int
    received_at: datetime
    outcome: str


@router.get("", response=Page[DeliveryOut], summary="Webhooks, newest first")
def deliveries(request: HttpRequest, page: Query[PageAsked], source: Name = "") -> dict[str, object]:
    rows = Delivery.objects.order_by("-id")
    found, next = page.of(rows.filter(source=source) if source else rows)
    return {"items": [_one(each) for each in shown(found, request.user)], "next": next}


def _one(each: Shown) -> DeliveryOut:
    row = each.row
    return DeliveryOut(
        id=row.pk,
        source=row.source,
        event=row.event,
        sender=each.sender,
        repositories=[name for name, _ in each.repositories],
        count=row.count,
        received_at=row.received_at,
        outcome=row.outcome,
    )
