"""What is seen of a Deployment, by whoever may only look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from deployer_kubernetes.deployer import KubernetesDeployer

from core.api import Finding, Health, ServicePlace, Stalled

from .acting import Moves, image, place
from .world import World, release

SHOP, NEXT = release("shop"), release("shop-next")


async def checked(deployer: KubernetesDeployer, service: ServicePlace) -> list[Finding]:
    return [finding async for finding in deployer.check(service, Path())]


async def test_what_is_not_there_is_absent(deployer: KubernetesDeployer, world: World) -> None:
    seen = await deployer.observe(place(world, name="unheard-of"), Path())
    assert (seen.digest, seen.health) == (None, Health.ABSENT)
    assert f"has no Deployment {world.name}/unheard-of" in seen.detail


async def test_an_image_that_somebody_else_set_is_told_with_who_it_was(moves: Moves, world: World) -> None:
    await moves.to(NEXT)
    world.edit(image(SHOP))
    world.settle()
    seen = await moves.deployer.observe(moves.service, Path())
    assert (seen.digest, seen.health) == (SHOP.digest, Health.HEALTHY)
    assert f"the image is {SHOP.reference}, set by kubectl-edit on " in seen.detail


async def test_pods_that_are_not_well_say_why(moves: Moves, world: World) -> None:
    world.edit(image(release("crashes"), strategy={"type": "Recreate", "rollingUpdate": None}))
    world.crashed()
    seen = await moves.deployer.observe(moves.service, Path())
    assert seen.health in (Health.STARTING, Health.UNHEALTHY)
    assert "ended with exit code 3" in seen.detail


async def test_who_may_only_look_is_told_what_is_refused(
    deployer: KubernetesDeployer, world: World, moves: Moves
) -> None:
    moves.service = place(world, host="observer")
    with pytest.raises(Stalled, match='User "observer" cannot list resource "pods"'):
        await deployer.observe(moves.service, Path())


async def test_a_move_that_is_refused_changes_nothing(moves: Moves, world: World) -> None:
    moves.service = place(world, host="observer")
    with pytest.raises(Stalled, match=r'"observer" cannot patch resource "deployments".*Give that user a Role'):
        await moves.to(NEXT)
    moves.service = place(world)
    assert await moves.seen() == (SHOP.digest, Health.HEALTHY)


async def test_credentials_that_are_not_accepted_are_told(
    deployer: KubernetesDeployer, world: World, secrets: Callable[[str, str], None]
) -> None:
    users = [{"name": "deployer", "user": {"token": "stale"}}]
    secrets("kubeconfig", world.kubeconfig(users=users))
    with pytest.raises(Stalled, match="does not accept the credentials of the kubeconfig"):
        await deployer.observe(place(world), Path())


async def test_a_missing_deployment_says_what_to_do(deployer: KubernetesDeployer, world: World, tmp_path: Path) -> None:
    moves = Moves(deployer, place(world, name="unheard-of"), tmp_path)
    failure = await moves.fails(NEXT)
    assert f"has no Deployment {world.name}/unheard-of: create it once, with `kubectl apply`" in str(failure)


async def test_a_container_that_is_not_there_is_named(moves: Moves, world: World) -> None:
    moves.service = place(world, container="sidecar")
    assert "has no container 'sidecar' (`container`); it has the container web" in str(await moves.fails(NEXT))


async def test_one_of_several_containers_has_to_be_named(
    deployer: KubernetesDeployer, world: World, tmp_path: Path
) -> None:
    world.create(image=SHOP.reference, more=[{"name": "proxy", "image": SHOP.reference}])
    moves = Moves(deployer, place(world), tmp_path)
    assert "has the containers proxy and web: say by the option `container` which one is moved" in str(
        await moves.fails(NEXT)
    )
    moves.service = place(world, container="web")
    await moves.to(NEXT)
    assert await moves.seen() == (NEXT.digest, Health.HEALTHY)


async def test_the_doctor_is_told_that_all_is_well(deployer: KubernetesDeployer, world: World, moves: Moves) -> None:
    await moves.to(NEXT)
    found = await checked(deployer, place(world))
    assert [each.level for each in found] == ["ok", "ok"]
    assert "answers: Kubernetes v1." in found[0].text
    assert found[1].text == f"{world.name}/shop is there; web is to run {NEXT.reference}"


async def test_the_doctor_is_told_what_may_not_be_done(
    deployer: KubernetesDeployer, world: World, moves: Moves
) -> None:
    found = await checked(deployer, place(world, host="observer"))
    errors = [each.text for each in found if each.level == "error"]
    assert errors == [
        f"the kubeconfig's user may not patch deployments in {world.name}",
        f"the kubeconfig's user may not list pods in {world.name}",
    ]
    assert f"the kubeconfig's user may not get pods/log in {world.name}" in [each.text for each in found]
