"""Users, of whom some log in elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest

from core.admin.generic import person
from core.models import Activity
from core.services import activities

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin


class PeopleAdmin(_UserAdmin):
    """Django's screen, which would not save a name with a colon: the name of somebody elsewhere stays as it is."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "username") if obj is not None and ":" in obj.username else fields

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record what somebody may from now on that was not so before, and who says so."""
        before = set(form.instance.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        user = form.instance
        said = [
            f"{name.removeprefix('is_')}: {'yes' if getattr(user, name) else 'no'}"
            for name in ("is_active", "is_staff", "is_superuser")
            if name in form.changed_data
        ]
        after = set(user.groups.values_list("name", flat=True))
        said += [f"into the group {name}" for name in sorted(after - before)]
        said += [f"out of the group {name}" for name in sorted(before - after)]
        if "user_permissions" in form.changed_data:
            said.append("permissions")
        if said or not change:
            activities.record(person(request), "changed" if change else "added", user, reason="; ".join(said))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # Of a password Django says only here that it was changed.
        if isinstance(message, str) or "password" in json.dumps(message, default=str).lower():
            activities.record(person(request), "changed the password of", obj)
        return super().log_change(request, obj, message)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What people did is kept, and they with it; all of it would be a long list."""
        keys = [user.pk for user in objs]
        done = Activity.objects.filter(user__in=keys).count() or LogEntry.objects.filter(user__in=keys).count()
        if done:
            return [], {}, set(), [f"What was done, {done} times: make the user inactive instead"]
        return super().get_deleted_objects(objs, request)


admin.site.unregister(User)
admin.site.register(User, PeopleAdmin)
