"""Run the web."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

#: Seconds that open pages are given when the web stops: their sockets would keep it for ever.
_GRACE = 2


class Command(BaseCommand):
    help = "Serve the pages, the API, webhooks and live logs. Start as many as you like behind a proxy."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")

    def handle(self, *_: Any, host: str, port: int, **__: Any) -> None:
        # A loop beside threads that work in the database gets its turn ten times sooner than by default.
        sys.setswitchinterval(0.0005)
        # Said of WhiteNoise's small files each time that one is served; what is large is streamed asynchronously.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume")
        uvicorn.run(
            "deployer_site.asgi:application",
            host=host,
            port=port,
            ws="websockets-sansio",
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=_GRACE,
        )
