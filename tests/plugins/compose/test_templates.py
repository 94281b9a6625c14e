"""The release is put into a compose file as a value, and what is wrong with a file is told with its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plugins.compose import templates
from plugins.compose.templates import TemplateError

REFERENCE = "registry.example.org/shop/web@sha256:" + "ab" * 32


def filled(text: str) -> object:
    return yaml.safe_load(templates.fill(text, REFERENCE))


def fault(text: str) -> str:
    with pytest.raises(TemplateError) as error:
        templates.check(text)
    return str(error.value)


@pytest.mark.parametrize("mark", ["${IMAGE}", "$IMAGE", "'${IMAGE}'", '"$IMAGE"'])
def test_the_release_stands_where_the_mark_stood(mark: str) -> None:
    text = f"services:\n  web:\n    image: {mark}\n"
    templates.check(text)
    assert filled(text) == {"services": {"web": {"image": REFERENCE}}}


def test_every_service_with_the_mark_runs_the_release_and_the_others_do_not() -> None:
    text = "services: {web: {image: $IMAGE}, db: {image: 'postgres:15'}, worker: {image: '${IMAGE}'}}"
    assert templates.main_services(text) == ("web", "worker")
    assert [each["image"] for each in filled(text)["services"].values()] == [REFERENCE, "postgres:15", REFERENCE]


def test_a_merged_image_is_filled_in_too() -> None:
    text = "x-base: &base {image: '${IMAGE}'}\nservices: {web: {<<: *base}, worker: {<<: [*base], command: work}}"
    assert templates.main_services(text) == ("web", "worker")
    assert {each["image"] for each in filled(text)["services"].values()} == {REFERENCE}


def test_what_is_merged_in_is_hidden_by_what_is_there() -> None:
    text = "x-base: &base {image: '${IMAGE}'}\nservices: {web: {<<: *base}, db: {<<: *base, image: 'postgres:15'}}"
    assert templates.main_services(text) == ("web",)


def test_everything_else_keeps_its_way_of_writing() -> None:
    text = "services:\n  web:\n    image: ${IMAGE}\n    environment: {A: on, B: 1e3, C: 0o7, D: '$$x', E: '${F:-g}', H: 010}\n"
    assert "A: on, B: 1e3, C: 0o7, D: $$x, E: '${F:-g}', H: 010" in templates.fill(text, REFERENCE).replace(
        "'$$x'", "$$x"
    )


def test_the_mark_anywhere_else_is_composes_business() -> None:
    text = "services: {web: {image: $IMAGE, command: 'echo ${IMAGE}'}}"
    assert filled(text)["services"]["web"]["command"] == "echo ${IMAGE}"


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_whatever_is_put_in_is_one_value(reference: str) -> None:
    text = "services: {web: {image: $IMAGE}, db: {image: 'postgres:15'}}"
    seen = yaml.safe_load(templates.fill(text, reference))
    assert seen == {"services": {"web": {"image": reference}, "db": {"image": "postgres:15"}}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: [", "line 1: this is no YAML"),
        ("services:\n  web:\n   image: $IMAGE\n  \tx: 1", "line 4: this is no YAML"),
        ("a: 1\n---\nb: 2", "this is no YAML"),
        ("services: !!python/object:os.system {}", "this is no YAML"),
        ("a: &a {<<: *a}\nservices: {web: {<<: *a}}", "no service has `image: ${IMAGE}`"),
        ("", "no `services:`"),
        ("- web", "no `services:`"),
        ("version: '3'", "there is no service"),
        ("services: {}", "line 1: there is no service"),
        ("services:\n  -web: {image: $IMAGE}", "line 2: a service's name"),
        ("services:\n  a/b: {image: $IMAGE}", "line 2: a service's name"),
        ("services:\n  web:", "line 2: service web: there is nothing in it"),
        ("services: {web: {image: 'shop:live'}}", "no service has `image: ${IMAGE}`"),
        ("services:\n  web:\n    image: ${IMAGE}-debug", "line 3: service web: `${IMAGE}` is the whole image"),
        ("services:\n  web:\n    image: $IMAGE\n    build: .", "line 4: service web has `build:`"),
        ("services:\n  web:\n    image: $IMAGE\n    ports: '80'", "line 4: `ports:` is a list"),
        (
            "services:\n  web:\n    image: $IMAGE\n    ports: [22:22]",
            "line 4: service web: put the port 22:22 in quotes",
        ),
        ("services:\n  web:\n    image: $IMAGE\n    ports: [http]", "line 4: service web: 'http' is no port"),
        ("services:\n  web:\n    image: $IMAGE\n    ports: ['80:70000']", "'80:70000' is no port"),
        ("services:\n  web:\n    image: $IMAGE\n    ports: [{published: 80}]", "a port has a number in the container"),
        ("services:\n  web:\n    image: $IMAGE\n    volumes: ['./x:/x']", "'./x:/x' is beside the compose file"),
        (
            "services:\n  web:\n    image: $IMAGE\n    volumes: [{type: bind, source: ~/x, target: /x}]",
            "'~/x' is beside",
        ),
    ],
)
def test_what_is_wrong_is_told_in_words(text: str, words: str) -> None:
    assert words in fault(text)


@pytest.mark.parametrize(
    "port",
    [
        "80",
        "'8080:80'",
        "'127.0.0.1:8080:80'",
        "'[::1]:8080:80/tcp'",
        "'3000-3005:4000-4005'",
        "'127.0.0.1::80'",
        "'${PORT}:80'",
        "{target: 80}",
    ],
)
def test_every_way_of_writing_a_port_is_read(port: str) -> None:
    templates.check(f"services: {{web: {{image: $IMAGE, ports: [{port}]}}}}")
