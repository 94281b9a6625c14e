"""The core as a Django app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Deployer"

    def ready(self) -> None:
        from core import checks  # noqa: F401  registers the system checks, which need Django to be ready
