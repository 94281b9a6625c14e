"""The list of services: what is in it, and that no name breaks it."""

from __future__ import annotations

import pytest

from core.pipeline.inventory import (
    FlavourEntry,
    RecipeEntry,
    RepositoryEntry,
    ServiceEntry,
    TargetEntry,
    image_url,
    markdown,
    public_url,
)


def flavour(name: str = "acme/shop", *, uri: str = "shop.example.org", services: bool = True) -> FlavourEntry:
    service = ServiceEntry(name="shop_web", host="oak", deployer="docker_swarm", uri=uri, url=public_url(uri))
    target = TargetEntry(
        branch="live",
        branch_url="https://github.com/acme/shop/tree/live",
        image="acme/shop:live",
        image_url=image_url("acme/shop:live"),
        services=(service,) if services else (),
    )
    recipe = RecipeEntry(
        what="Dockerfile", builder="ocluster", platforms=("linux/amd64", "linux/arm64"), targets=(target,)
    )
    repository = RepositoryEntry(name=name, url="https://github.com/acme/shop", recipes=(recipe,))
    return FlavourEntry(name="acme", title="", url="https://deploy.example.org", repositories=(repository,))


def test_it_leads_from_a_flavour_to_where_its_services_run() -> None:
    assert markdown([flavour()]).partition("## ")[2] == (
        "[acme](https://deploy.example.org)\n"
        "\n"
        "### [acme/shop](https://github.com/acme/shop)\n"
        "\n"
        "- `Dockerfile` for `linux/amd64`, `linux/arm64`\n"
        "    - branch [live](https://github.com/acme/shop/tree/live) as [acme/shop:live](https://hub.docker.com/r/acme/shop)\n"
        "        - service `shop_web` on `oak`: [shop.example.org](https://shop.example.org)\n"
    )


def test_what_runs_nowhere_is_named_in_one_line() -> None:
    text = markdown([flavour(services=False)])
    assert "Built, and run nowhere that this deployer looks after: [acme/shop](https://github.com/acme/shop).\n" in text
    assert "###" not in text


def test_no_name_breaks_the_page() -> None:
    text = markdown([flavour("a](javascript:alert)<b>", uri="https://x.example/(a b)<c>")])
    assert r"a\](javascript:alert)\<b\>" in text
    assert "(https://x.example/%28a%20b%29%3Cc%3E)" in text


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("ocurrent/ocaml-ci-web:live", "https://hub.docker.com/r/ocurrent/ocaml-ci-web"),
        ("ghcr.io/acme/shop:live", ""),
        ("127.0.0.1:5000/acme/shop", ""),
        ("localhost/shop", ""),
        ("busybox", ""),
    ],
)
def test_only_images_of_dockers_own_registry_have_a_page(image: str, url: str) -> None:
    assert image_url(image) == url


@pytest.mark.parametrize(
    ("uri", "url"),
    [("ocaml.org", "https://ocaml.org"), ("http://a:1/", "http://a:1/"), ("", ""), ("tcp://a:1", ""), ("ssh://a", "")],
)
def test_what_people_open_becomes_an_address(uri: str, url: str) -> None:
    assert public_url(uri) == url
