"""Services."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.urls import URLPattern

from core.admin.declared import DeclaredAdmin, DeclaredInline
from core.admin.fields import HealthCheckField, UsesField, health_check, uses
from core.admin.forms import PluggedForm
from core.models import Service
from core.pipeline import declaration, validate
from core.pipeline.declaration import Use

#: Those of it that are lists of plugins and their options.
_USES = ("notifiers", "gates", "before", "after")
_FIELDS = (
    "name", "deployer", "options", "host", "uri", "health_check", "soak", "drift_policy", *_USES, "position",
)  # fmt: skip


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
        "check": "health_check",
        "soak": "soak",
        "drift": "drift_policy",
        "gate": "gates",
        "before": "before",
        "after": "after",
    }

    health_check = HealthCheckField()
    notifiers = UsesField("Who is told what happens", "notifiers")
    gates = UsesField("What can hold its deployments back, besides the gates of the flavour", "gates")
    before = UsesField("What is done before it is moved, in this order", "steps")
    after = UsesField("What is done after it was moved, in this order", "steps")

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        deployer = Use(self.said("deployer"), **self.said("options"))
        service = declaration.Service(
            self.said("name"),
            deployer,
            host=self.said("host"),
            uri=self.said("uri"),
            check=health_check(self.said("health_check")),
            soak=self.said("soak"),
            drift=self.said("drift_policy"),
            **{name: uses(self.said(name)) for name in _USES},
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

    def get_urls(self) -> list[URLPattern]:
        # It needs the forms of all the others, and this one.
        from core.admin.guided import views

        return [*views.urls(self.admin_site), *super().get_urls()]
