"""What the deployer's commands have in common."""

from __future__ import annotations

from typing import Literal

from django.core.management.base import BaseCommand


class DeployerCommand(BaseCommand):
    """A command that begins with the deployer's own system checks: settings, plugins, flavours.

    Those of Django look at code, and load all pages and the API for that: a third of a command's time. They are left to
    `check`, `migrate`, `plugins` and `run_web`.
    """

    requires_system_checks: tuple[str, ...] | Literal["__all__"] = ("deployer",)
