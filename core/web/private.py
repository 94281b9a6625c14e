"""Private mode: pages and sockets for those who may look alone. What is not listed here as open is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import configuration
from core.models import visible
from core.queries import access
from core.web.expired import to_login
from core.web.intake import Application

#: What everybody reaches. Static files are served before; under `/api/` the API answers for itself (`core.rest.private`),
#: and so does `/metrics`.
_OPEN = ("/logout/", "/metrics", "/healthz", "/readyz")
_OPEN_BELOW = ("/login/", "/webhooks/", settings.STATIC_URL, "/api/")
#: Seconds after which it is looked again whether somebody with an open socket may still look.
_AGAIN = 60.0


class PrivatePages:
    """Sends those who have not logged in to the login, tells those who may not look whom to ask, and shows the others
    what belongs to the flavours that they may look at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not configuration.current().private or _is_open(request.path_info):
            return self._get_response(request)
        flavours = access.visible_flavours(request.user)
        if flavours is None or flavours:
            with visible.only(flavours):
                return self._get_response(request)
        if request.user.is_authenticated:
            contact = configuration.current().contact
            return render(request, "deployer/stranger.html", {"contact": contact}, status=403)
        return to_login(request)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def guarded(application: Application) -> Application:
    """Websockets that are closed for those who may not look, and as soon as what somebody may look at has changed."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        if not configuration.current().private:
            await application(scope, receive, send)
            return
        flavours = await _visible_flavours(scope)
        if flavours is None or flavours:
            with visible.only(flavours):
                await _watched(application, scope, receive, send, flavours)
        else:
            await send({"type": "websocket.close"})

    return call


async def _watched(
    application: Application, scope: Any, receive: Any, send: Any, flavours: frozenset[int] | None
) -> None:
    messages: asyncio.Queue[Any] = asyncio.Queue()
    watch = asyncio.create_task(_until_it_ends(scope, messages, flavours))
    pump = asyncio.create_task(_pump(receive, messages))
    try:
        await application(scope, messages.get, send)
        if watch.done():
            await send({"type": "websocket.close"})
    finally:
        watch.cancel()
        pump.cancel()


async def _pump(receive: Any, messages: asyncio.Queue[Any]) -> None:
    while True:
        await messages.put(await receive())


async def _until_it_ends(scope: Any, messages: asyncio.Queue[Any], flavours: frozenset[int] | None) -> None:
    """Tell the application that the browser has gone, once its person may look no longer, or at something else."""
    try:
        while await _visible_flavours(scope) == flavours:
            await asyncio.sleep(_AGAIN)
    finally:
        # Also where nobody can tell: the database does not answer.
        messages.put_nowait({"type": "websocket.disconnect", "code": 1000})


async def _visible_flavours(scope: Any) -> frozenset[int] | None:
    """Asked of the session as it is kept now: somebody may have logged out, or the session may be over."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    fresh: Any = {**scope, "session": store(scope["session"].session_key)}
    user: Any = await get_user(fresh)
    return await database_sync_to_async(access.visible_flavours)(user)
