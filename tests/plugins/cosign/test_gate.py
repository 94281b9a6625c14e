"""The gate before a real registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from containers.registry import attached, attachments
from core.api import DeploymentQuestion, Hold, OperationError, Release, Stalled
from plugins.cosign.gate import CosignGate
from plugins.cosign.options import CosignOptions
from tests.containers.registry.disturbed import Disturbed, page, says
from tests.containers.registry.images import INDEX, Publisher, file, layer
from tests.plugins.cosign.signing import (
    BUNDLE,
    SIMPLE,
    Signer,
    index_of,
    push_list,
    push_referrer,
    push_tag,
)

ANN, EVE = Signer(), Signer()


@pytest.fixture
def image(publisher: Publisher) -> str:
    """The digest of an image in the registry."""
    return publisher.manifest(layer(file("which", publisher.name.repository)), tag="live")


async def held(publisher: Publisher, image: str, key: str = ANN.public, registry: str = "", **more: str) -> Hold | None:
    name = str(publisher.name).replace(publisher.name.registry, registry or publisher.name.registry)
    question = DeploymentQuestion(
        flavour="acme",
        repository="acme/shop",
        service="shop",
        release=Release(image=f"{name}:live", digest=image),
        rollback=False,
        now=timezone.now(),
    )
    return await CosignGate().hold(question, CosignOptions(key=key, **more))


async def test_an_image_that_nobody_signed_is_held_and_who_can_lift_it_is_told(
    publisher: Publisher, image: str
) -> None:
    hold = await held(publisher, image)
    assert hold is not None
    assert hold.reason.startswith(f"{publisher.name}:live@{image[7:19]} is not signed by the declared key (")
    assert hold.reason.endswith("): nobody signed it")
    assert hold.lifted_by.endswith(f"cosign sign --key cosign.key {publisher.name}:live@{image}")


async def test_it_goes_as_soon_as_it_is_signed(publisher: Publisher, image: str) -> None:
    push_tag(publisher, image, EVE.simple(image))
    hold = await held(publisher, image)
    assert hold is not None
    assert "1 that is by another key" in hold.reason
    push_tag(publisher, image, EVE.simple(image), ANN.simple(image))
    assert await held(publisher, image) is None


async def test_the_signature_of_another_image_does_not_do(publisher: Publisher, image: str) -> None:
    other = publisher.manifest(layer(file("which", "another")), tag="other")
    push_tag(publisher, image, ANN.simple(other))
    hold = await held(publisher, image)
    assert hold is not None
    assert "1 that is of another image" in hold.reason


async def test_a_bundle_is_found_by_the_tag_of_registries_without_a_list(publisher: Publisher, image: str) -> None:
    push_list(publisher, image, push_referrer(publisher, image, EVE.bundle(image)))
    assert await held(publisher, image) is not None
    theirs, ours = (push_referrer(publisher, image, who.bundle(image)) for who in (EVE, ANN))
    push_list(publisher, image, theirs, ours)
    assert await held(publisher, image) is None


async def test_a_bundle_is_found_by_the_registrys_own_list_in_parts(
    publisher: Publisher, image: str, proxy: Disturbed
) -> None:
    """The list is the proxy's, as OCI 1.1 has it: no registry of Debian's keeps one."""
    theirs, ours = (push_referrer(publisher, image, who.bundle(image)) for who in (EVE, ANN))
    first = says(200, index_of(theirs), Content_Type=INDEX, Link=f'</v2/x/referrers/{image}?part=2>; rel="next"')
    proxy.disturb("GET", f"/referrers/{image}", first)
    proxy.disturb("GET", "part=2", says(200, index_of(ours), Content_Type=INDEX))
    assert await held(publisher, image, registry=proxy.registry.name) is None
    assert f"GET /v2/{publisher.name.repository}/referrers/{image}?part=2" in proxy.asked


async def test_signatures_may_be_kept_elsewhere_and_the_name_in_them_may_count(
    plain_registry, publisher: Publisher, image: str
) -> None:
    elsewhere = Publisher(plain_registry)
    push_tag(elsewhere, image, ANN.simple(image, "registry.example.org/acme/shop:live"))
    assert await held(publisher, image) is not None
    assert await held(publisher, image, repository=str(elsewhere.name)) is None
    hold = await held(publisher, image, repository=str(elsewhere.name), identity="registry.example.org/acme/other")
    assert hold is not None
    assert "by another name" in hold.reason


async def test_a_key_in_a_file_may_be_exchanged(publisher: Publisher, image: str, tmp_path: Path) -> None:
    push_tag(publisher, image, ANN.simple(image))
    path = tmp_path / "cosign.pub"
    with pytest.raises(OperationError, match="cannot be read"):
        await held(publisher, image, str(path))
    path.write_text("no key")
    with pytest.raises(OperationError, match="no public key"):
        await held(publisher, image, str(path))
    path.write_text(EVE.public)
    assert await held(publisher, image, str(path)) is not None
    path.write_text(EVE.public + ANN.public)
    assert await held(publisher, image, str(path)) is None


@pytest.mark.parametrize("answer", [page(404), says(500), says(200, b"no JSON", Content_Type=INDEX)])
async def test_nothing_goes_while_nobody_can_tell(publisher: Publisher, image: str, proxy: Disturbed, answer) -> None:
    push_tag(publisher, image, EVE.simple(image))
    proxy.disturb("GET", "/referrers/", answer)
    with pytest.raises(OperationError):
        await held(publisher, image, registry=proxy.registry.name)


async def test_only_what_is_wanted_is_read_and_only_so_much(
    publisher: Publisher, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ANN.simple(image)
    large = type(wanted)(SIMPLE, b"x" * ((1 << 20) + 1), {})
    other = type(wanted)("text/plain", b"an SBOM", {})
    push_tag(publisher, image, large, other, wanted)
    found = await attached(publisher.name.at(image), suffix=".sig", media_types=(SIMPLE, BUNDLE))
    assert found == [wanted]
    with pytest.raises(Stalled, match="by its digest"):
        await attached(publisher.name, suffix=".sig", media_types=(SIMPLE,))
    monkeypatch.setattr(attachments, "_MOST", 2)
    push_tag(publisher, image, *[wanted] * 3)
    with pytest.raises(OperationError, match="more than 2 signatures"):
        await attached(publisher.name.at(image), suffix=".sig", media_types=(SIMPLE, BUNDLE))
