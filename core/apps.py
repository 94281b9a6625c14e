"""The core as a Django app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Deployer"

    def ready(self) -> None:
        from core import checks, setting_checks  # noqa: F401  registers the system checks, which need Django to be ready
        from core.services import audit

        connection_created.connect(audit.connected)
        post_migrate.connect(audit.install, sender=self)
