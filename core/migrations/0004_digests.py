"""Write down the digests that were known by their release alone, and what publications are alone with from now on."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Cast, Coalesce, Concat


def fill_digests(apps: Any, _: object) -> None:
    """Until now a release had one digest, and so had whatever was moved to it."""
    release, deployment, service = (apps.get_model("core", name) for name in ("Release", "Deployment", "Service"))

    def digest_of(field: str) -> Coalesce:
        found = release.objects.filter(pk=models.OuterRef(field)).values("digest")
        return Coalesce(models.Subquery(found), Value(""))

    deployment.objects.update(digest=digest_of("release"), previous_digest=digest_of("previous"))
    service.objects.update(current_digest=digest_of("current"))


def leave_targets_alone(apps: Any, _: object) -> None:
    """Of several publications under way for one target only one can be alone with it: the others end as they were."""
    job, release = apps.get_model("core", "Job"), apps.get_model("core", "Release")
    publications = job.objects.filter(kind="release")
    active = publications.filter(state__in=["queued", "running"])
    newest = active.order_by().values(target=F("release__target")).annotate(newest=models.Max("pk"))
    others = active.exclude(pk__in=[row["newest"] for row in newest])
    target = models.Subquery(release.objects.filter(pk=models.OuterRef("release")).values("target"))
    name = Concat(Value("target:"), Cast(target, models.CharField()), output_field=models.CharField())
    publications.exclude(pk__in=list(others.values_list("pk", flat=True))).update(exclusive=name)


class Migration(migrations.Migration):
    dependencies = [("core", "0003_rollout")]

    operations = [
        migrations.RunPython(fill_digests, migrations.RunPython.noop),
        migrations.RunPython(leave_targets_alone, migrations.RunPython.noop),
    ]
