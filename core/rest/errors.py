"""Errors as problem details (RFC 9457): one table from what was raised to what is answered."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from core.errors import OperationError, RefusedError

logger = logging.getLogger(__name__)

#: What django-ninja says that it hands over.
Raised = Exception | type[Exception]


def install(api: NinjaAPI) -> None:
    """Have the API answer errors as problem details."""
    for kind, answer in (
        (RefusedError, _refused),
        (OperationError, _unavailable),
        (ObjectDoesNotExist, _no_such_row),
        (Http404, _not_found),
        (PermissionDenied, _forbidden),
        (AuthenticationError, not_signed_in),
        (ValidationError, _invalid),
        (HttpError, _http_error),
        (TooManyError, _too_many),
        (Exception, _fault),
    ):
        api.add_exception_handler(kind, answer)


class TooManyError(Exception):
    """Who asks has asked too often, and may again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"You asked for this too often: ask again in {seconds} s (DEPLOYER_COSTLY_CALLS_PER_MINUTE).")
        self.seconds = seconds


def problem(status: HTTPStatus, detail: str, **more: Any) -> HttpResponse:
    """An answer that says what is wrong."""
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _refused(request: HttpRequest, error: Raised) -> HttpResponse:
    return problem(HTTPStatus.CONFLICT, str(error))


def _unavailable(request: HttpRequest, error: Raised) -> HttpResponse:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


def _no_such_row(request: HttpRequest, error: Raised) -> HttpResponse:
    noun = type(error).__qualname__.partition(".")[0].lower()
    return problem(HTTPStatus.NOT_FOUND, f"There is no such {noun}.")


def _not_found(request: HttpRequest, error: Raised) -> HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, str(error) or f"There is nothing at {request.path}.")


def _forbidden(request: HttpRequest, error: Raised) -> HttpResponse:
    return problem(HTTPStatus.FORBIDDEN, str(error) or "You may not do this.")


def not_signed_in(request: HttpRequest, error: Raised = AuthenticationError) -> HttpResponse:
    """Answer somebody who has to sign in first."""
    # Not 401: that has to name a scheme of HTTP authentication, and a session is none.
    return problem(HTTPStatus.FORBIDDEN, "Sign in first, or come with a token: this is only for people who are known.")


def _invalid(request: HttpRequest, error: Raised) -> HttpResponse:
    assert isinstance(error, ValidationError)
    faults = [{"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors]
    detail = "; ".join(f"{each['where']}: {each['what']}" for each in faults)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)


def _http_error(request: HttpRequest, error: Raised) -> HttpResponse:
    assert isinstance(error, HttpError)
    return problem(HTTPStatus(error.status_code), str(error))


def _too_many(request: HttpRequest, error: Raised) -> HttpResponse:
    assert isinstance(error, TooManyError)
    answer = problem(HTTPStatus.TOO_MANY_REQUESTS, str(error))
    answer["Retry-After"] = str(error.seconds)
    return answer


def _fault(request: HttpRequest, error: Raised) -> HttpResponse:
    assert isinstance(error, Exception)
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The deployer made a mistake: its own log says more.")
