"""What people did: never edited, by anybody."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Activity


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "verb", "label", "subject", "reason")
    list_filter = ("at", "verb", ("user", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("label", "subject", "reason", "user__username")
