"""Logging in: by a name and a password, or by an account elsewhere (OAuth's authorization code, RFC 6749, with PKCE, RFC 7636).

Whoever comes back from elsewhere has to have been sent there by this session, at most ten minutes ago, and comes back
once: `state` says that, and PKCE's verifier, which never leaves the session before, says it to who gives the code.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from asgiref.sync import async_to_sync
from django.contrib import auth
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import clock, configuration
from core.errors import ConfigurationError, OperationError, RefusedError
from core.interfaces import Login
from core.limits import Limit, network
from core.metrics import LOGINS_FAILED
from core.plugins import plugins
from core.queries import access
from core.services import activities, identities
from core.values import Identity
from core.web import attempts

logger = logging.getLogger(__name__)

#: Seconds in which somebody has to come back. Several hosts may serve the pages: their clocks may differ by as much.
_PATIENCE = 600
#: Seconds that the place elsewhere is given to answer.
_DEADLINE = 25
#: Windows in which one browser may be on its way at once.
_WINDOWS = 5
_PENDING = "deployer_logins"
#: Those who may come back from one address in a minute.
_RETURNS = 120
_returns = Limit()
_BACKEND = "django.contrib.auth.backends.ModelBackend"


class _NotLoggedInError(Exception):
    """Why somebody is not logged in, and what to do about it."""

    def __init__(self, status: int, said: str, remedy: str) -> None:
        super().__init__(said)
        self.status, self.said, self.remedy = status, said, remedy


class LoginView(views.LoginView):
    """The page with all ways to log in."""

    template_name = "deployer/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ways = [(login, login.missing()) for login in plugins.logins]
        here = {"ways": [login for login, missing in ways if not missing], "private": configuration.current().private}
        return super().get_context_data(**kwargs, **here)

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """The page that was wanted, if it is one of ours."""
        return _own_page(self.request, super().get_redirect_url())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at a name and a password, unless there were too many already."""
        if seconds := attempts.wait(*_who(request)):
            LOGINS_FAILED.count(provider="password")
            return _too_many(request, seconds)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        LOGINS_FAILED.count(provider="password")
        name, address = _who(self.request)
        logger.warning("a login failed, from %s as %r", address, name[:150])
        if attempts.failed(name, address):
            logger.warning("too many logins failed, the last from %s: the name is not let in for a while", address)
            if user := User.objects.filter(username=name).first():
                activities.record(None, "held back logins of", user, reason="too many failed")
        return super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        user = form.get_user()
        activities.record(user, "logged in as", user)
        return answer


def _who(request: HttpRequest) -> tuple[str, str]:
    return request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    minutes = -(-seconds // 60)
    failure = _NotLoggedInError(
        429,
        "Too many attempts to log in with this name, or from where you are, have failed.",
        f"Try again in {minutes} minute{'s' if minutes > 1 else ''}. Other ways to log in still work.",
    )
    answer = _failed(request, failure, _own_page(request, request.POST.get("next", "")))
    answer["Retry-After"] = str(seconds)
    return answer


@never_cache
def begin(request: HttpRequest, kind: str) -> HttpResponse:
    """Send somebody elsewhere. A POST, so that no other page can do it."""
    after = _own_page(request, request.POST.get("next", ""))
    page = _login_page(after)
    try:
        login = _usable(kind)
        if request.method != "POST":
            return redirect(page)
        own = configuration.current().origin
        if request.headers.get("Origin", "null") not in ("null", own):
            # The cookie of this address would not come along to the one that people are sent back to.
            return redirect(f"{own}{page}")
        verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        address = login.begin(_callback(kind), state, challenge)
    except _NotLoggedInError as failure:
        return _failed(request, failure, after)
    waiting = list(request.session.get(_PENDING, {}).items())[-_WINDOWS + 1 :]
    request.session[_PENDING] = dict([*waiting, (state, [kind, verifier, after, time.time()])])
    return redirect(address)


@never_cache
@require_safe
def callback(request: HttpRequest, kind: str) -> HttpResponse:
    """Take somebody in who comes back. Each may cost a question to a server elsewhere."""
    if seconds := _returns.take(network(request.META.get("REMOTE_ADDR", "")), _RETURNS):
        return _too_many(request, seconds)
    after = ""
    try:
        login = _usable(kind)
        verifier, after = _sent(request, kind)
        identity = _ask(login, _callback(kind), _code(request, login), verifier)
        _enter(request, kind, identity)
    except _NotLoggedInError as failure:
        # Not found out before it was begun: an address that somebody made up is no provider.
        if failure.status == 403:
            LOGINS_FAILED.count(provider=kind)
        return _failed(request, failure, after)
    return redirect(after or resolve_url("overview"))


def _usable(kind: str) -> Login:
    try:
        login = plugins.login(kind)
        missing = login.missing()
    except ConfigurationError as error:
        raise _NotLoggedInError(404, f"Nobody can log in by {kind!r} here: {error}.", "Choose another way.") from None
    if missing:
        raise _NotLoggedInError(
            503, f"Logging in with {login.title} is not set up yet: {missing}.", "Tell whoever runs this deployer."
        )
    return login


def _sent(request: HttpRequest, kind: str) -> tuple[str, str]:
    """The verifier of somebody who was sent, and the page to show afterwards; each is taken once."""
    waiting = request.session.get(_PENDING, {})
    was, verifier, after, at = waiting.pop(request.GET.get("state", ""), ("", "", "", 0.0))
    request.session[_PENDING] = waiting
    if was != kind:
        raise _NotLoggedInError(
            400,
            "This browser did not ask to log in, or has done so already with this link.",
            "Log in again. If that does not help, allow this site to keep cookies, and come here by the same address "
            f"as always: {configuration.current().base_url}",
        )
    if abs(time.time() - at) > _PATIENCE:
        raise _NotLoggedInError(400, "More than ten minutes have passed since you set out to log in.", "Log in again.")
    return verifier, after


def _code(request: HttpRequest, login: Login) -> str:
    error, code = request.GET.get("error", ""), request.GET.get("code", "")
    if error == "access_denied":
        raise _NotLoggedInError(403, f"You cancelled at {login.title}.", "Log in again if you want to.")
    if error or not code:
        said = error[:100] or "it sent you back without a code"
        raise _NotLoggedInError(
            502, f"{login.title} did not let you log in: {said}.", "Log in again, or tell whoever runs this deployer."
        )
    return code


def _ask(login: Login, callback: str, code: str, verifier: str) -> Identity:
    async def asked() -> Identity:
        async with asyncio.timeout(_DEADLINE):
            return await login.finish(callback, code, verifier)

    try:
        return async_to_sync(asked)()
    except PermissionError as error:
        raise _NotLoggedInError(
            403, f"{login.title} did not let you log in: {error}.", "Log in again, or tell whoever runs this deployer."
        ) from None
    except TimeoutError:
        raise _NotLoggedInError(504, f"{login.title} does not answer.", "Log in again in a minute.") from None
    except OperationError as error:
        raise _NotLoggedInError(
            502, f"{login.title} did not say who you are: {error}.", "Log in again in a minute."
        ) from None


def _enter(request: HttpRequest, kind: str, identity: Identity) -> None:
    now = clock.now()
    try:
        user = identities.enter(kind, identity, now)
    except RefusedError as error:
        logger.warning("%s:%s (%s) was not let in: %s", kind, identity.login, identity.subject, error)
        raise _NotLoggedInError(403, f"You cannot log in: {error}.", "Ask whoever runs this deployer.") from None
    except OperationError as error:
        raise _NotLoggedInError(502, f"You cannot log in: {error}.", "Tell whoever runs this deployer.") from None
    identities.let_into_admin(user, access.is_admin_everywhere(user))
    _begin_session(request, user, timedelta(hours=configuration.current().login_hours))


def _begin_session(request: HttpRequest, user: User, length: timedelta) -> None:
    auth.login(request, user, backend=_BACKEND)
    # Django leaves the key as it is where the same user was logged in before.
    request.session.cycle_key()
    request.session.set_expiry(timezone.now() + length)


def _own_page(request: HttpRequest, page: str) -> str:
    """A page to show afterwards, if it is one of ours, and not one on the way in or out."""
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return ""
    return "" if urlsplit(page).path.startswith((reverse("login"), reverse("logout"))) else page


def _login_page(after: str) -> str:
    return f"{reverse('login')}?{urlencode({'next': after})}" if after else reverse("login")


def _callback(kind: str) -> str:
    return f"{configuration.current().base_url.rstrip('/')}{reverse('login-callback', args=[kind])}"


def _failed(request: HttpRequest, failure: _NotLoggedInError, after: str) -> HttpResponse:
    context = {"failure": failure, "private": configuration.current().private, "again": _login_page(after)}
    return render(request, "deployer/login_failed.html", context, status=failure.status)


@never_cache
def into_admin(request: HttpRequest) -> HttpResponse:
    """Stand in for the admin's own page of logging in, which knows names and passwords alone."""
    after = _own_page(request, request.GET.get("next", "")) or reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect(_login_page(after))
    user = request.user
    if isinstance(user, User) and not user.is_staff and access.is_admin_everywhere(user):
        # Named since the last login, or a local user, whose log-in is Django's own.
        identities.let_into_admin(user, True)
    if user.is_active and user.is_staff:
        return redirect(after)
    said = (
        "The admin shows all flavours on the same screens: it is for the admins of all of them, and for local users whom"
        " a superuser made members of the staff. An admin of one flavour approves, freezes and sets its threshold on the"
        " pages, and declares what is in it in its flavour file."
    )
    return render(request, "403.html", {"exception": said}, status=403)
