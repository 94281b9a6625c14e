"""What is attested of releases and deployments (in-toto), as it is or signed (DSSE)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from core.queries import provenance
from core.queries.provenance import MEDIA_TYPES, Form

router = Router(tags=["provenance"])

#: Each form is a media type of its own.
_ANSWERS: dict[str, Any] = {
    "responses": {
        "200": {
            "description": "OK",
            "content": {kind: {"schema": {"type": "object"}} for kind in MEDIA_TYPES.values()},
        }
    }
}


class FormAsked(Schema):
    """Whether it is to be signed."""

    form: Form = Field(
        Form.STATEMENT,
        description="`statement`: as it is; `envelope`: signed (DSSE); `bundle`: signed, as Sigstore's newer tools want it.",
    )


@router.get(
    "/releases/{int:id}/provenance",
    url_name="release_provenance",
    summary="How it was made: an in-toto statement (SLSA Provenance v1), the same bytes each time",
    openapi_extra=_ANSWERS,
)
def release(request: HttpRequest, id: int, asked: Query[FormAsked]) -> HttpResponse:
    return _answer(provenance.of_release(id, asked.form), f"release-{id}", asked.form)


@router.get(
    "/deployments/{int:id}/provenance",
    url_name="deployment_provenance",
    summary="The record of a deployment that has ended, as an in-toto statement",
    openapi_extra=_ANSWERS,
)
def deployment(request: HttpRequest, id: int, asked: Query[FormAsked]) -> HttpResponse:
    return _answer(provenance.of_deployment(id, asked.form), f"deployment-{id}", asked.form)


def _answer(data: bytes, name: str, form: Form) -> HttpResponse:
    answer = HttpResponse(data, content_type=MEDIA_TYPES[form])
    answer["Content-Disposition"] = f'inline; filename="{name}.{form}.json"'
    return answer
