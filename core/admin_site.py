"""The admin as a Django app: as Django's own, but that a plugin's broken screens break no others."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.module_loading import module_has_submodule

from core.plugins import PluginConfig, plugins


class DeployerAdminConfig(SimpleAdminConfig):
    """Finds the screens of every app, plugins' too, in their modules `admin`."""

    default = False

    def ready(self) -> None:
        super().ready()
        for config in apps.get_app_configs():
            if config.module is None or not module_has_submodule(config.module, "admin"):
                continue
            try:
                import_module(f"{config.name}.admin")
            except Exception as error:
                if not isinstance(config, PluginConfig):
                    raise
                plugins.fails(config.label, "its screens of the admin are left out", error)
