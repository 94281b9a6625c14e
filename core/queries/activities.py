"""What people did, and what the deployer did by itself: the part of it that somebody asks for."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from core import clock
from core.models import Activity

#: In the place of a person's name: what nobody asked for.
SYSTEM = ":deployer"
#: Kinds of subjects, as activities name them, and the words for them.
SUBJECTS = {
    "service": "services",
    "deployment": "deployments",
    "job": "jobs",
    "rollback": "rollbacks",
    "repository": "repositories",
    "flavour": "flavours",
    "runner": "runners",
    "logrule": "log rules",
    "user": "people",
    "apitoken": "API tokens",
    "pluginswitch": "plugins",
}
#: How far back, in words, and as a length.
TIMES = {
    "hour": ("in the last hour", timedelta(hours=1)),
    "day": ("in the last day", timedelta(days=1)),
    "week": ("in the last week", timedelta(weeks=1)),
    "month": ("in the last 30 days", timedelta(days=30)),
}


def history(row: Model) -> QuerySet[Activity]:
    """All that was done to one row, the newest first."""
    subject = f"{row._meta.model_name} {row.pk}"
    return Activity.objects.filter(subject=subject).select_related("user").order_by("-pk")


def filtered(*, by: str = "", verb: str = "", subject: str = "", since: str = "") -> QuerySet[Activity]:
    """Activities, newest first, with who did them.

    :param by: a person's name, `SYSTEM` for what nobody asked for, or empty for everybody.
    :param subject: a kind (`service`) or one thing (`service 12`).
    :param since: one of `TIMES`; anything else is no bound.
    """
    rows = Activity.objects.select_related("user").order_by("-pk")
    if by:
        rows = rows.filter(user=None) if by == SYSTEM else rows.filter(user__username=by)
    if verb:
        rows = rows.filter(verb=verb)
    if subject:
        rows = rows.filter(Q(subject=subject) | Q(subject__startswith=f"{subject} "))
    if since in TIMES:
        rows = rows.filter(at__gte=clock.now() - TIMES[since][1])
    return rows


def people() -> list[str]:
    """The names of all who did something."""
    acted = Exists(Activity.objects.filter(user=OuterRef("pk")))
    return list(User.objects.filter(acted).order_by("username").values_list("username", flat=True)[:500])


def verbs() -> list[str]:
    """All that was ever done, in words."""
    return list(Activity.objects.order_by("verb").values_list("verb", flat=True).distinct()[:100])
