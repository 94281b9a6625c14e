"""What came with releases, and how each was made."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Provenance, ReleaseChanges


@admin.register(ReleaseChanges)
class ReleaseChangesAdmin(ReadOnlyAdmin):
    list_display = ("id", "release_link", "previous", "known", "forward", "cut", "next_attempt_at", "failures", "error")
    list_filter = ("known", "forward", "cut")
    list_select_related = ("release__commit", "previous__commit")
    search_fields = ("release__commit__hash", "error")

    @admin.display(description="release")
    def release_link(self, changes: ReleaseChanges) -> str:
        return link(changes.release)


@admin.register(Provenance)
class ProvenanceAdmin(ReadOnlyAdmin):
    list_display = ("id", "release_link")
    list_select_related = ("release__commit",)
    search_fields = ("release__commit__hash", "release__digest")

    @admin.display(description="release")
    def release_link(self, provenance: Provenance) -> str:
        return link(provenance.release)
