"""What the admin says of the options of plugins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from core.admin.option_help import describe


class Limits(BaseModel):
    memory: int = 0


class Endless(BaseModel):
    again: list[Endless] = []


class Offer:
    def __init__(self, **fields: Any) -> None:
        self.Options = type(
            "Options",
            (BaseModel,),
            {
                "__annotations__": {k: v[0] for k, v in fields.items()},
                **{k: v[1] for k, v in fields.items() if len(v) > 1},
            },
        )


def described(**fields: Any) -> str:
    return str(describe("JSON.", {"yard": Offer(**fields)}))


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (str, "string"),
        (tuple[str, ...], "array of string"),
        (int | None, "integer or null"),
        (Literal["auto", "off"], "&quot;auto&quot; or &quot;off&quot;"),
        (Literal["auto"], "&quot;auto&quot;"),
        (Limits, "object"),
        (list[Limits], "array of object"),
        (dict[str, str], "object"),
        (Any, "anything"),
        (Endless, "object"),
    ],
)
def test_the_type_of_an_option_is_told_in_the_words_of_json(annotation, said):
    assert f"<code>x</code> ({said}; required)" in described(x=(annotation,))


def test_the_default_and_the_description_are_told():
    shown = described(keep=(Annotated[int, Field(description="How many are kept.")], 5), on=(bool, False))
    assert "<code>keep</code> (integer; if not given: 5) How many are kept." in shown
    assert "<code>on</code> (boolean; if not given: false)" in shown


def test_a_plugin_without_options_says_so():
    assert "It has none." in described()


def test_where_no_plugin_offers_anything_it_says_so():
    assert describe("JSON.", {}) == "JSON. No plugin offers anything here."


def test_a_description_is_shown_and_not_obeyed():
    assert "<script>" not in described(x=(Annotated[str, Field(description="<script>")],))


def test_options_that_have_no_schema_do_not_take_the_page_away():
    assert "have no description" in described(x=(Annotated[Any, Unspeakable()],))


class Unspeakable:
    """An annotation that pydantic can check and cannot describe."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(lambda value: value)
