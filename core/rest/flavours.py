"""Flavours."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from core import clock
from core.models import Flavour, Hold
from core.pipeline.validate import MOST_KEPT
from core.queries.running import HeldBy
from core.rest.values import HoldAsked, HoldOut, Name, Page, PageAsked, Reason, ReasonNeeded, admin, builder, signed_in
from core.services import flavours as flavours_
from core.services import holds
from core.states import Level

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
        threshold = row.threshold_at(clock.now())
        return None if threshold is None else threshold.word

    @staticmethod
    def resolve_hold(row: Flavour) -> HeldBy | None:
        return next((HeldBy.of(each) for each in row.freezes), None)  # type: ignore[attr-defined]  # see `_rows`


@router.get("", response=Page[FlavourOut], summary="The flavours in use, by name")
def flavours(request: HttpRequest, page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.by(_rows().filter(retired_at=None), "name")
    return {"items": items, "next": next}


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


class ThresholdAsked(ReasonNeeded):
    """The level from which on operations wait for approval (null: none does), and until when."""

    level: Literal["harmless", "mostly-harmless", "average", "above-average", "dangerous"] | None
    until: AwareDatetime | None = None


@router.post("/{name}/threshold", response=FlavourOut, auth=signed_in, summary="Set what waits for approval")
def threshold(request: HttpRequest, name: Name, body: ThresholdAsked) -> Flavour:
    row = Flavour.objects.get(name=name)
    level = Level.parse(body.level) if body.level is not None else None
    flavours_.set_threshold(row, level, admin(request, row), reason=body.reason, lifts_at=body.until)
    return _rows().get(pk=row.pk)


class RetentionAsked(ReasonNeeded):
    """How long it keeps what is over: days, and of each target so many releases; null: as declared."""

    logs: int | None = Field(None, ge=1, le=MOST_KEPT)
    builds: int | None = Field(None, ge=1, le=MOST_KEPT)
    refs: int | None = Field(None, ge=1, le=MOST_KEPT)
    releases: int | None = Field(None, ge=1, le=MOST_KEPT)


@router.post("/{name}/retention", response=FlavourOut, auth=signed_in, summary="Set how long it keeps what is over")
def retention(request: HttpRequest, name: Name, body: RetentionAsked) -> Flavour:
    row = Flavour.objects.get(name=name)
    flavours_.keep(row, body.model_dump(exclude={"reason"}), admin(request, row), reason=body.reason)
    return _rows().get(pk=row.pk)


def _rows() -> QuerySet[Flavour]:
    freezes = holds.freezes(clock.now()).select_related("owner")
    return Flavour.objects.prefetch_related(Prefetch("holds", freezes, to_attr="freezes"))
