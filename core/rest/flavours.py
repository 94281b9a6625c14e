"""Flavours."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from core.models import Flavour
from core.rest.values import Name

router = Router(tags=["flavours"])


class FlavourOut(Schema):
    """A named configuration. Operations of the level `threshold` or above wait for approval; null: none does."""

    id: int
    name: str
    title: str
    base_url: str
    origin: str
    threshold: str | None
    threshold_lifts_at: datetime | None
    harmless: bool

    @staticmethod
    def resolve_threshold(row: Flavour) -> str | None:
        threshold = row.threshold_at(timezone.now())
        return None if threshold is None else threshold.word


@router.get("", response=list[FlavourOut], summary="The flavours in use, by name")
def flavours(request: HttpRequest) -> list[Flavour]:
    return list(Flavour.objects.filter(retired_at=None))


@router.get("/{name}", response=FlavourOut, summary="A flavour")
def flavour(request: HttpRequest, name: Name) -> Flavour:
    return Flavour.objects.get(name=name)
