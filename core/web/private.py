"""Private mode: pages and sockets for those who may look alone. What is not listed here as open is closed."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from core import configuration
from core.queries import access
from core.web.intake import Application

#: What everybody reaches. Static files are served before; under `/api/` the API answers for itself (`core.rest.private`).
_OPEN = ("/logout/", "/healthz", "/readyz")
_OPEN_BELOW = ("/login/", "/webhooks/", settings.STATIC_URL, "/api/")
#: Seconds after which it is looked again whether somebody with an open socket may still look.
_AGAIN = 60.0


class PrivatePages(MiddlewareMixin):
    """Sends those who have not logged in to the login, and tells those who may not look whom to ask."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Answer instead of the page, where it is not for who asks."""
        if not configuration.current().private or _is_open(request.path_info) or access.may_look(request.user):
            return None
        if request.user.is_authenticated:
            contact = configuration.current().contact
            return render(request, "deployer/stranger.html", {"contact": contact}, status=403)
        after = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("overview")
        return redirect_to_login(after)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def guarded(application: Application) -> Application:
    """Websockets that are closed for those who may not look, and as soon as somebody may no longer."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        if not configuration.current().private:
            await application(scope, receive, send)
        elif await _may_look(scope):
            await _watched(application, scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    return call


async def _watched(application: Application, scope: Any, receive: Any, send: Any) -> None:
    messages: asyncio.Queue[Any] = asyncio.Queue()
    watch = asyncio.create_task(_until_it_ends(scope, messages))
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


async def _until_it_ends(scope: Any, messages: asyncio.Queue[Any]) -> None:
    """Tell the application that the browser has gone, once its person may look no longer."""
    try:
        while await _may_look(scope):
            await asyncio.sleep(_AGAIN)
    finally:
        # Also where nobody can tell: the database does not answer.
        messages.put_nowait({"type": "websocket.disconnect", "code": 1000})


async def _may_look(scope: Any) -> bool:
    """Asked of the session as it is kept now: somebody may have logged out, or the session may be over."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    fresh: Any = {**scope, "session": store(scope["session"].session_key)}
    user: Any = await get_user(fresh)
    return bool(await database_sync_to_async(access.may_look)(user))
