"""Deployments."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "service_link",
        "release_link",
        "previous",
        "rollback",
        "asked_by",
        "state",
        "job_link",
        "created_at",
    )
    list_filter = ("job__state", "rollback", "created_at", "service")
    list_select_related = ("service", "release__commit", "previous__commit", "asked_by", "job")
    search_fields = ("service__name", "service__host", "release__digest", "release__commit__hash")

    @admin.display(description="service", ordering="service__name")
    def service_link(self, deployment: Deployment) -> str:
        return link(deployment.service)

    @admin.display(description="release")
    def release_link(self, deployment: Deployment) -> str:
        return link(deployment.release)

    @admin.display(description="state", ordering="job__state")
    def state(self, deployment: Deployment) -> str:
        return deployment.job.state

    @admin.display(description="job")
    def job_link(self, deployment: Deployment) -> str:
        return link(deployment.job)
