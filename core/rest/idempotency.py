"""Idempotency keys: a script that did not hear the answer may ask again, and nothing is done twice.

The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) names one call of one person for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from core import clock
from core.models import IdempotentCall
from core.rest import errors
from core.services import calls

_LONGEST = 200


class IdempotencyKeys:
    """Middleware: answers a call that was answered before as it was answered then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key", "")
        if not key or request.method != "POST" or not request.path_info.startswith("/api/"):
            return self._get_response(request)
        if not isinstance(request.user, User):
            return self._get_response(request)
        if len(key) > _LONGEST or not key.isprintable():
            said = f"An idempotency key has at most {_LONGEST} printable characters."
            return errors.problem(HTTPStatus.BAD_REQUEST, said)
        return self._once(request, request.user, key)

    def _once(self, request: HttpRequest, person: User, key: str) -> HttpResponseBase:
        asked = sha256(f"{request.method} {request.get_full_path()}\n".encode() + request.body).hexdigest()
        call = calls.begin(person, key, asked, clock.now())
        if call is None:
            return _again(calls.find(person, key), asked)
        kept = False
        try:
            # What was done and that it was done are one: whoever is killed in between did neither.
            with transaction.atomic():
                answer = self._get_response(request)
                if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and isinstance(answer, HttpResponse):
                    calls.end(call, answer.status_code, answer["Content-Type"], answer.content)
                    kept = True
                else:
                    transaction.set_rollback(True)
        except BaseException:
            calls.drop(call)
            raise
        if not kept:
            calls.drop(call)
        return answer


def _again(call: IdempotentCall | None, asked: str) -> HttpResponse:
    if call is not None and call.request != asked:
        said = "This idempotency key was used for another call: choose a new one."
        return errors.problem(HTTPStatus.UNPROCESSABLE_ENTITY, said)
    if call is None or call.status is None:
        return errors.problem(HTTPStatus.CONFLICT, "The same call is being carried out just now: ask again later.")
    answer = HttpResponse(bytes(call.body), status=call.status, content_type=call.content_type)
    answer["Idempotent-Replayed"] = "true"
    return answer
