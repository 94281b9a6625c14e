"""Services."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin

from core.admin.declared import DeclaredAdmin, DeclaredInline
from core.admin.fields import PAIRS, NotifiersField, uses
from core.admin.forms import PluggedForm
from core.models import Service
from core.pipeline import declaration, validate
from core.pipeline.declaration import Use

_FIELDS = ("name", "deployer", "options", "host", "uri", "notifiers", "position")


class ServiceForm(PluggedForm):
    role, kind = "deployers", "deployer"
    places = {
        "name": "name",
        "host": "host",
        "uri": "uri",
        "kind": "deployer",
        "option": "options",
        "options": "options",
        "notifier": "notifiers",
    }

    notifiers = NotifiersField(help_text=PAIRS)

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        deployer = Use(self.said("deployer"), **self.said("options"))
        service = declaration.Service(
            self.said("name"),
            deployer,
            host=self.said("host"),
            uri=self.said("uri"),
            notifiers=uses(self.said("notifiers")),
        )
        return validate.service_faults(service, offers)


class ServiceInline(DeclaredInline):
    model = Service
    form = ServiceForm
    fields = _FIELDS


@admin.register(Service)
class ServiceAdmin(DeclaredAdmin):
    form = ServiceForm
    declared = ("target", *_FIELDS)
    known = (
        "status",
        "reason",
        "current",
        "current_digest",
        "current_since",
        "observed_digest",
        "observed_health",
        "observed_detail",
        "observed_drift",
        "observed_at",
    )
    list_display = ("__str__", "declared_in", "target", "deployer", "status", "reason", "current", "observed_health")
    list_filter = ("status", "observed_health", "deployer", "target__recipe__repository__flavour")
    list_select_related = ("target", "current__commit")
    search_fields = ("name", "host", "target__recipe__repository__name")
