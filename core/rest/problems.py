"""What goes wrong before or behind the API is answered as the API answers: a problem, and never a page or a traceback."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from core.rest import errors

_SAID = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read.",
    HTTPStatus.FORBIDDEN: "You may not do this.",
    HTTPStatus.NOT_FOUND: "There is nothing at {path}.",
    HTTPStatus.METHOD_NOT_ALLOWED: "{path} does not take {method}: /api/openapi.json says what it takes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
}
_FAULT = "The deployer made a mistake: its own log says more. Ask again later, with the same Idempotency-Key."


class ApiProblems(MiddlewareMixin):
    """For the API alone, and around all other middleware: makes problems of other answers that say an error."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse a body that is not said to be JSON: it would be taken for nothing, or for something else."""
        if not request.path_info.startswith("/api/") or request.content_type in ("application/json", ""):
            return None
        if not request.META.get("CONTENT_LENGTH", "0").strip("0"):
            return None
        said = "Send the body as JSON, with the header Content-Type: application/json."
        return errors.problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Make a problem of an error that was answered otherwise."""
        kind = response.headers.get("Content-Type", "")
        if not request.path_info.startswith("/api/") or response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        if kind.startswith("application/problem+json"):
            return response
        status = HTTPStatus(response.status_code)
        said = _FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _SAID.get(status, status.description)
        answer = errors.problem(status, said.format(path=request.path, method=request.method))
        for name in ("Allow", "WWW-Authenticate", "Retry-After"):
            if name in response.headers:
                answer[name] = response.headers[name]
        return answer
