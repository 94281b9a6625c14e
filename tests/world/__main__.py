"""`python -m tests.world`: makes the world, prints its keys as JSON."""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    import django
    from django.core.management import call_command
    from django.db import transaction

    django.setup()
    call_command("migrate", verbosity=0)
    from tests.world.make import World

    with transaction.atomic():
        keys = World().make()
    json.dump(keys, sys.stdout)


if __name__ == "__main__":
    main()
