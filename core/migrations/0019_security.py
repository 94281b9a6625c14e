from typing import Any

from django.db import migrations, models
import django.db.models.deletion

from core.services import audit

#: From the kind of what something was done to, to the flavour that it belongs to.
_TARGET = "recipe__repository__flavour"
_WAYS = {
    "flavour": "pk",
    "input": "flavour",
    "hold": "flavour",
    "job": "flavour",
    "repository": "flavour",
    "recipe": "repository__flavour",
    "target": _TARGET,
    "service": f"target__{_TARGET}",
    "deployment": f"service__target__{_TARGET}",
    "rollback": f"service__target__{_TARGET}",
}
_BATCH = 500


def say_whose(apps: Any, schema_editor: Any) -> None:
    """Say of what was done before now which flavour it belongs to."""
    with audit.forgetting():
        _say_whose(apps)


def _say_whose(apps: Any) -> None:
    activities = apps.get_model("core", "Activity").objects
    for kind, way in _WAYS.items():
        rows = apps.get_model("core", kind).objects
        subjects = activities.filter(subject__startswith=f"{kind} ", flavour=None).order_by()
        words = (each.partition(" ")[2] for each in subjects.values_list("subject", flat=True).distinct())
        keys = sorted(int(word) for word in words if word.isdigit())
        for start in range(0, len(keys), _BATCH):
            by_flavour: dict[int, list[str]] = {}
            for key, flavour in rows.filter(pk__in=keys[start : start + _BATCH]).values_list("pk", way):
                by_flavour.setdefault(flavour, []).append(f"{kind} {key}")
            for flavour, names in by_flavour.items():
                activities.filter(subject__in=names).update(flavour=flavour)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0018_housekeeping"),
    ]

    operations = [
        migrations.AddField(
            model_name="activity",
            name="flavour",
            field=models.ForeignKey(
                help_text="Empty: it belongs to no one flavour.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.flavour",
            ),
        ),
        # the former version lives with it: it only fills a column that the former version does not know
        migrations.RunPython(say_whose, migrations.RunPython.noop, elidable=True),
    ]
