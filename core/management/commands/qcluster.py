"""Run the schedules: django-q2's own command, which waits for what it needs and leaves signs of life."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import CommandParser
from django_q.cluster import Cluster
from django_q.management.commands import qcluster

from core import configuration
from core.liveness import Life
from core.management import preconditions, starting
from core.management.base import DeployerCommand
from core.services.processes import Presence
from core.states import ProcessKind

#: Seconds between two looks at the process that does the work.
_LOOK = 5.0


class Command(DeployerCommand):
    help = (
        "Run the schedules: polls, looks at services, regular evaluations. Start as many as you like: each is done once. "
        "Nothing depends on it but punctuality."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        qcluster.Command().add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        starting.wait()
        preconditions.fits()
        if name := options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = name
        life = Life(configuration.current().life_dir, "qcluster")
        cluster = Cluster()
        # What django-q2 tells of its clusters stays within one process where the database is the broker.
        presence = Presence(ProcessKind.QCLUSTER, configuration.current(), unfit=cluster.stop)
        # It forks: the thread has to begin after that.
        cluster.start()
        presence.start()
        try:
            if options.get("run_once"):
                cluster.stop()
                return
            while cluster.sentinel and cluster.sentinel.is_alive():
                life.sign(_LOOK * 3, f"process {cluster.sentinel.pid} keeps the schedules")
                cluster.sentinel.join(_LOOK)
        finally:
            presence.stop()
