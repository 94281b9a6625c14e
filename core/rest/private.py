"""Private mode: the API for those who may look alone."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from core import configuration
from core.models import visible
from core.queries import access
from core.rest import errors


class PrivateApi:
    """Answers those who may not look as the API answers, and the others with what they may look at. The pages have
    their own (`core.web.private`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/") or not configuration.current().private:
            return self._get_response(request)
        if not request.user.is_authenticated:
            return errors.not_signed_in(request)
        flavours = access.visible_flavours(request.user)
        if flavours is None or flavours:
            with visible.only(flavours):
                return self._get_response(request)
        said = f"{request.user.get_username()} may not look here: nobody is named so among the viewers of a flavour."
        return errors.problem(HTTPStatus.FORBIDDEN, said)
