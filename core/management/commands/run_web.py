"""Run the web."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
import socket
import sys
import warnings
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from core import configuration, followers
from core.liveness import Life
from core.management import preconditions, starting
from core.services import incidents, measurements, plugin_switches
from core.services.processes import Presence
from core.states import ProcessKind
from core.vitals import LoopDelay

#: Seconds that a connection may be idle: longer than proxies keep theirs (Caddy 120, Traefik 90, nginx 60). What
#: one sends at the moment in which this side closes is lost, and answered with 502 by most.
_IDLE = 130
#: Seconds that open pages are given when the web stops: their sockets would keep it for ever.
_GRACE = 2


class Command(BaseCommand):
    help = "Serve the pages, the API, webhooks and live logs. Start as many as you like behind a proxy."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument("--prepare", action="store_true", help="make the database ready first, as `prepare` does")

    def handle(self, *_: Any, host: str, port: int, prepare: bool, **__: Any) -> None:
        if prepare:
            starting.prepare()
        starting.wait()
        # A loop beside threads that work in the database gets its turn ten times sooner than by default.
        sys.setswitchinterval(0.0005)
        # Said of WhiteNoise's small files each time that one is served; what is large is streamed asynchronously.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume")
        preconditions.fits()
        application = import_string(settings.ASGI_APPLICATION)
        # All code is loaded. Looking through it again and again for garbage would hold up a request for 50 ms each time.
        gc.collect()
        gc.freeze()
        server = _Server(application, host, port)
        presence = server.presence
        flusher = measurements.Flusher((incidents.flush, plugin_switches.refresh))
        flusher.start()
        here = f"[{_seen(host)}]" if ":" in _seen(host) else _seen(host)
        name = next(iter(configuration.current().allowed_hosts), "").lstrip(".*") or "localhost"
        life = Life(configuration.current().life_dir, "web")
        life.sign(math.inf, f"at {host}:{port}", url=f"http://{here}:{port}", host=name)
        presence.start()
        # The server ends by the signal that stopped it, which would leave no time to write the last measurements down.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            server.run()
        finally:
            presence.stop()
            flusher.stop()
        if server.unfit:
            raise CommandError("it has ended: see above", returncode=preconditions.WRONG)


class _Server(uvicorn.Server):
    """Serves, and gives signs of life meanwhile."""

    def __init__(self, application: Any, host: str, port: int) -> None:
        config = uvicorn.Config(
            application,
            host=host,
            port=port,
            ws="websockets-sansio",
            lifespan="off",
            log_level="warning",
            forwarded_allow_ips=configuration.current().trusted_proxies,
            # Its messages look as all others do.
            log_config=None,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)
        self.unfit = False
        self._delay = LoopDelay()
        self._address = f"{host}:{port}"
        self.presence = Presence(ProcessKind.WEB, configuration.current(), self._tells, self._end)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Kept here, as a loop forgets tasks that nobody holds.
        self._watch = asyncio.create_task(self._delay.watch())

    def _tells(self) -> dict[str, Any]:
        return {"address": self._address, "loop_delay": self._delay.take(), "followers": followers.count()}

    def _end(self) -> None:
        self.unfit = self.should_exit = True


def _seen(host: str) -> str:
    """Where a process of this host finds what listens there."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
