"""Private mode: the API for those who may look alone."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from core import configuration
from core.queries import access
from core.rest import errors


class PrivateApi(MiddlewareMixin):
    """Answers those who may not look as the API answers. The pages have their own (`core.web.private`)."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Answer instead of the API, where it is not for who asks."""
        if not request.path_info.startswith("/api/") or not configuration.current().private:
            return None
        if not request.user.is_authenticated:
            return errors.not_signed_in(request)
        if access.may_look(request.user):
            return None
        said = f"{request.user.get_username()} may not look here: nobody is named so among the viewers of a flavour."
        return errors.problem(HTTPStatus.FORBIDDEN, said)
