"""Jobs: a list to read, to approve from and to cancel in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from core.admin.actions import ReasonForm, do_to_each
from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Job
from core.services import approvals, jobs


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "title",
        "kind",
        "state",
        "level",
        "repository_link",
        "created_at",
        "took",
        "runner",
        "reason",
    )
    list_display_links = ("id", "title")
    list_filter = ("state", "kind", "level", "flavour", "created_at", "repository")
    list_select_related = ("repository",)
    search_fields = ("title", "commit__hash", "runner", "fingerprint")
    readonly_fields = ("log_link",)
    actions = ("approve", "cancel")
    action_form = ReasonForm

    @admin.display(description="repository", ordering="repository__name")
    def repository_link(self, job: Job) -> str:
        return link(job.repository)

    @admin.display(description="took")
    def took(self, job: Job) -> timedelta | None:
        return job.finished_at - job.started_at if job.finished_at and job.started_at else None

    @admin.display(description="log as text")
    def log_link(self, job: Job) -> str:
        return format_html('<a href="{}">{}</a>', reverse("api:job_log", args=[job.pk]), job.log)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may approve and cancel: those with Django's permission to change jobs, which nobody does by hand."""
        return request.user.has_perm("core.change_job")

    @admin.action(description="Approve", permissions=["operate"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, approvals.approve, "approved")

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, jobs.cancel, "cancelled")
