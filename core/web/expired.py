"""What somebody is told whose session, or whose page, is older than the deployer takes: that nothing was done, and where to
go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

_Rest = ParamSpec("_Rest")
_View = Callable[Concatenate[HttpRequest, _Rest], HttpResponse]


def login_needed(view: _View[_Rest]) -> _View[_Rest]:
    """For a view that acts: whoever is not logged in is told that nothing was done, and led back to where the form was.

    The address of the form itself takes no GET: after a login it would answer with an error.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _Rest.args, **kwargs: _Rest.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs) if request.user.is_authenticated else to_login(request)

    return guarded


def to_login(request: HttpRequest) -> HttpResponse:
    """Ask for a login, and lead back to the page from which something was asked for."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    messages.warning(request, "Nothing was done: you are not logged in, or no longer. Log in and do it again.")
    return redirect_to_login(came_from(request))


def came_from(request: HttpRequest) -> str:
    """The page with the form that was sent, if it is one of ours; otherwise the overview."""
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return reverse("overview")
    parts = urlsplit(page)
    try:
        resolve(parts.path)
    except Resolver404:
        return reverse("overview")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Instead of Django's page, for a form that does not have the token of this browser's session."""
    context = {"back": came_from(request), "no_cookie": reason == REASON_NO_CSRF_COOKIE}
    return render(request, "deployer/stale_form.html", context, status=403)
