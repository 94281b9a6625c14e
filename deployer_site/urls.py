"""Where everything is found."""

from django.contrib import admin
from django.urls import include, path

from core.rest.api import api
from core.web.login import into_admin

urlpatterns = [
    path("admin/login/", into_admin),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("core.web.urls")),
]
