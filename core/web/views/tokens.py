"""A person's tokens for the API: made here, shown once, revoked here."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from core import clock
from core.errors import RefusedError
from core.models import ApiToken
from core.services import tokens
from core.states import TokenScope
from core.web.acting import attempt, person
from core.web.expired import login_needed

#: How long a token may last, as the form offers it: days and words.
_LENGTHS = {"30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}
_SCOPES = ((TokenScope.READ, "read everything that you may see"), (TokenScope.ACT, "do what you may do"))


@never_cache
@login_needed
def mine(request: HttpRequest) -> HttpResponse:
    """The tokens that there are, and a form for another; a new one is shown in the answer to the form alone."""
    made = _make(request) if request.method == "POST" else ""
    rows = ApiToken.objects.filter(owner=person(request), revoked_at=None)
    context = {"tokens": rows, "made": made, "lengths": _LENGTHS.items(), "scopes": _SCOPES}
    return render(request, "deployer/tokens.html", context)


def _make(request: HttpRequest) -> str:
    days = request.POST.get("days", "")
    scopes = [scope for scope in TokenScope if scope in request.POST.getlist("scopes")]
    ends = clock.now() + timedelta(days=int(days)) if days and days in _LENGTHS else None
    try:
        return tokens.make(person(request), request.POST.get("name", "").replace("\0", ""), scopes, ends)[1]
    except RefusedError as error:
        messages.error(request, str(error))
        return ""


@require_POST
@login_needed
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, owner=person(request))
    attempt(request, lambda: tokens.revoke(token, person(request)), f"{token} is revoked.")
    return redirect("tokens")
