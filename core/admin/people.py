"""People who log in by an account that they have elsewhere."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Identity


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "user", "subject", "seen_at")
    list_filter = ("provider",)
    list_select_related = ("user",)
    search_fields = ("login", "subject", "user__username")
