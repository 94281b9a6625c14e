"""The `deployer` command, and what `manage.py` runs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
