"""Users, of whom some log in elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin


class PeopleAdmin(_UserAdmin):
    """Django's screen, which would not save a name with a colon: the name of somebody elsewhere stays as it is."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "username") if obj is not None and ":" in obj.username else fields


admin.site.unregister(User)
admin.site.register(User, PeopleAdmin)
