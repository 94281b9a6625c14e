"""Flavours."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from core.models import Flavour, Hold
from core.queries.running import HeldBy
from core.rest.values import HoldAsked, HoldOut, Name, Reason, builder, signed_in
from core.services import holds

router = Router(tags=["flavours"])


class FlavourOut(Schema):
    """A named configuration. Operations of the level `threshold` or above wait for approval; null: none does.

    `hold` is its freeze, where it is frozen.
    """

    id: int
    name: str
    title: str
    base_url: str
    origin: str
    threshold: str | None
    threshold_lifts_at: datetime | None
    harmless: bool
    hold: HoldOut | None

    @staticmethod
    def resolve_threshold(row: Flavour) -> str | None:
        threshold = row.threshold_at(timezone.now())
        return None if threshold is None else threshold.word

    @staticmethod
    def resolve_hold(row: Flavour) -> HeldBy | None:
        return next((HeldBy.of(each) for each in row.freezes), None)  # type: ignore[attr-defined]  # see `_rows`


@router.get("", response=list[FlavourOut], summary="The flavours in use, by name")
def flavours(request: HttpRequest) -> list[Flavour]:
    return list(_rows().filter(retired_at=None))


@router.get("/{name}", response=FlavourOut, summary="A flavour")
def flavour(request: HttpRequest, name: Name) -> Flavour:
    return _rows().get(name=name)


@router.post("/{name}/freeze", response=FlavourOut, auth=signed_in, summary="Deploy nothing of it, but for rollbacks")
def freeze(request: HttpRequest, name: Name, body: HoldAsked) -> Flavour:
    row = Flavour.objects.get(name=name)
    holds.freeze(row, builder(request, row), reason=body.reason, until=body.until)
    return _rows().get(pk=row.pk)


@router.post("/{name}/unfreeze", response=FlavourOut, auth=signed_in, summary="Lift its freeze")
def unfreeze(request: HttpRequest, name: Name, body: Reason) -> Flavour:
    row = Flavour.objects.get(name=name)
    holds.lift(Hold.objects.get(flavour=row, service=None, lifted_at=None), builder(request, row), reason=body.reason)
    return _rows().get(pk=row.pk)


def _rows() -> QuerySet[Flavour]:
    freezes = holds.freezes(timezone.now()).select_related("owner")
    return Flavour.objects.prefetch_related(Prefetch("holds", freezes, to_attr="freezes"))
