"""A project is moved to a release that is healthy, or is put back to the file before."""

import asyncio
import secrets
from pathlib import Path

import httpx
import pytest

from core.api import Deployer, DeploymentFailed, Health, Release, ServicePlace, Stalled, Waiting
from core.testing.conformance.deployers import DeployerConformance
from plugins.compose.deployer import ComposeDeployer, project_of
from plugins.compose.records import Records
from tests.docker_real import BASE, SERVE, web_dockerfile
from tests.e2e.harness import free_port
from tests.plugins.compose.world import WEB, World

#: Says something and goes on.
LASTING = f'FROM {BASE}\nCMD ["sh", "-c", "echo I am here; {SERVE}"]\n'
#: Says something and ends.
DYING = f'FROM {BASE}\nCMD ["sh", "-c", "echo my last words; exit 3"]\n'
ENDING = f'FROM {BASE}\nCMD ["sh", "-c", "echo all done"]\n'


class TestConformance(DeployerConformance):
    """One web service with a health check."""

    @pytest.fixture
    def deployer(self) -> Deployer:
        return ComposeDeployer()

    @pytest.fixture
    def service(self, world: World, tmp_path: Path) -> ServicePlace:
        return world.service()

    @pytest.fixture
    def releases(self, world: World, tmp_path: Path) -> tuple[Release, Release]:
        return world.release("one"), world.release("two")

    @pytest.fixture
    def broken(self, world: World, tmp_path: Path) -> Release:
        return world.release("sick", web_dockerfile("sick", healthy=False))


# Health


async def test_an_unhealthy_release_leaves_its_answer_and_its_last_lines_in_the_log(world: World) -> None:
    sick = world.release(
        "sick-talking", web_dockerfile("sick", healthy=False, command=f"echo something is missing; {SERVE}")
    )
    await world.deploy(world.service(), world.release("one"))
    log = await world.fails(world.service(), sick, "web is unhealthy: wget: .*404.*is in place again and healthy")
    assert "something is missing" in log.text
    assert log.text.index("something is missing") < log.text.index("going back to"), "before it is replaced"
    assert "web: healthy means that its health check `wget" in log.text
    assert log.failure.running == world.release("one").digest


async def test_a_container_that_ends_is_not_waited_for(world: World) -> None:
    service = world.service(wait=3000)
    log = await world.fails(service, world.release("dying", DYING), "web is ended with status 3; nothing ran before")
    assert "my last words" in log.text
    assert log.failure.running is None
    [container] = world.containers()
    assert container.status == "exited", "it can still be looked at"
    seen = await world.observe(service)
    assert (seen.digest, seen.health) == (None, Health.UNHEALTHY)


async def test_a_container_that_is_started_again_and_again_fails_soon(world: World) -> None:
    service = world.service(WEB + "    restart: always\n", wait=3000)
    log = await world.fails(service, world.release("dying", DYING), "web .*(started again|restarting)")
    assert "my last words" in log.text
    assert [each.status for each in world.containers()] == ["exited"]


async def test_a_container_that_is_not_healthy_in_time_is_told(world: World) -> None:
    slow = """
    healthcheck: {test: [CMD, "false"], interval: 1s, start_period: 600s}
"""
    log = await world.fails(
        world.service(WEB + slow, wait=4),
        world.release("one"),
        r"not all of it was healthy within 4 s \(option `wait`\)",
    )
    assert "web is running, its health check is starting" in str(log.failure)


async def test_a_service_that_does_its_work_once_is_well_when_it_is_done(world: World) -> None:
    service = world.service(
        """
services:
  web: {image: "${IMAGE}", stop_signal: SIGKILL, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: "${IMAGE}", command: [sh, -c, "echo migrated"]}
"""
    )
    await world.deploy(service, world.release("one"))
    seen = await world.observe(service)
    assert (seen.digest, seen.health) == (world.release("one").digest, Health.HEALTHY)
    assert seen.detail == "1 of 1 containers running, migrate completed"


async def test_a_service_that_fails_at_its_work_fails_the_deployment(world: World) -> None:
    service = world.service(
        """
services:
  web: {image: "${IMAGE}", stop_signal: SIGKILL}
  migrate: {image: "${IMAGE}", command: [sh, -c, "echo no such table; exit 2"]}
"""
    )
    log = await world.fails(service, world.release("one"), "migrate is ended with status 2")
    assert "no such table" in log.text
    assert not [each for each in world.containers() if each.status == "running"]


async def test_a_project_of_which_nothing_keeps_running_is_not_deployed(world: World) -> None:
    await world.fails(world.service(), world.release("ending", ENDING), "nothing of it keeps running")


async def test_without_a_health_check_it_has_to_stay_up(world: World) -> None:
    log = await world.deploy(world.service(), world.release("lasting", LASTING))
    assert "web: it has no health check, so it has to stay up for 3 s" in log.notes
    seen = await world.observe(world.service())
    assert (seen.digest, seen.health) == (world.release("lasting", LASTING).digest, Health.HEALTHY)


async def test_what_a_terminal_printed_is_told_too(world: World) -> None:
    log = await world.fails(world.service(WEB + "    tty: true\n"), world.release("dying", DYING), "status 3")
    assert "my last words" in log.text


async def test_what_runs_and_is_unwell_is_started_afresh(world: World) -> None:
    service, release = world.service(), world.release("one")
    await world.deploy(service, release)
    [container] = world.containers()
    container.exec_run(["sh", "-c", "busybox mv /www/health /www/elsewhere"])
    await world.until(service, lambda seen: seen.health is Health.UNHEALTHY)
    container.exec_run(["sh", "-c", "busybox mv /www/elsewhere /www/health"])
    container.pause()
    log = await world.deploy(service, release)
    assert any("it is started afresh" in note for note in log.notes)
    assert (await world.observe(service)).health is Health.HEALTHY


# Going back


async def test_a_port_that_is_taken_is_told_and_what_ran_is_back(world: World) -> None:
    port = free_port()
    await world.deploy(world.service(), world.release("one"))
    with world.a_container_on(port):
        taken = world.service(WEB + f'    ports: ["127.0.0.1:{port}:80"]\n')
        log = await world.fails(taken, world.release("two"), "(already allocated|already in use).*is in place again")
    assert log.failure.running == world.release("one").digest
    assert (await world.observe(world.service())).health is Health.HEALTHY


async def test_the_way_back_is_the_file_before_and_not_the_template_of_today(world: World) -> None:
    before = world.service(WEB + "    environment: {MODE: before}\n")
    await world.deploy(before, world.release("one"))
    after = world.service(WEB + "    environment: {MODE: after}\n")
    await world.fails(after, world.release("dying", DYING), "is in place again", previous=world.release("one"))
    [container] = world.containers()
    assert "MODE=before" in container.attrs["Config"]["Env"]


async def test_what_was_brought_up_by_hand_is_what_it_goes_back_to(world: World) -> None:
    one = world.release("one")
    world.by_hand(WEB.replace("${IMAGE}", one.reference))
    log = await world.fails(world.service(), world.release("dying", DYING), "is in place again and healthy")
    assert log.failure.running == one.digest
    assert [each.status for each in world.containers()] == ["running"]


async def test_a_first_release_that_fails_again_is_stopped_again(world: World) -> None:
    sick = world.release("sick", web_dockerfile("sick", healthy=False))
    for _ in range(2):
        await world.fails(world.service(), sick, "its containers are stopped")
        assert [each.status for each in world.containers()] == ["exited"]


async def test_what_is_left_of_a_service_that_was_taken_out_of_the_file_does_not_count(world: World) -> None:
    service, one = world.service(), world.release("one")
    old = world.service(WEB + "  old: {image: '${IMAGE}', stop_signal: SIGKILL}\n")
    await world.deploy(old, one)
    next(each for each in world.containers() if "old" in each.name).kill()
    await world.deploy(service, one)
    seen = await world.observe(service)
    assert (seen.health, seen.drift) == (Health.HEALTHY, "old is not in the file")


async def test_both_the_failure_and_a_way_back_that_fails_are_told(world: World) -> None:
    service = world.service(WEB + "    volumes: ['state:/tmp']\nvolumes: {state: {}}\n")
    picky = world.release("picky", f'FROM {BASE}\nCMD ["sh", "-c", "test ! -e /tmp/spoilt && {SERVE}"]\n')
    spoiling = world.release("spoiling", f'FROM {BASE}\nCMD ["sh", "-c", "touch /tmp/spoilt; exit 3"]\n')
    await world.deploy(service, picky)
    log = await world.fails(
        service, spoiling, "status 3; the file before .* is in place again, but is not healthy either", previous=picky
    )
    assert log.failure.running is None


async def test_a_stopping_runner_leaves_it_to_the_next_attempt(world: World) -> None:
    service, one, two = world.service(), world.release("one"), world.release("two")
    await world.deploy(service, one)
    log = await world.cancelled_at("healthy means", service, two, stopping=True)
    assert "put back" not in log.text
    assert (await world.observe(service)).digest == two.digest
    await world.deploy(service, two, previous=one)
    assert (await world.observe(service)).health is Health.HEALTHY


async def test_a_cancelled_first_deployment_leaves_nothing_running(world: World) -> None:
    log = await world.cancelled_at("healthy means", world.service(), world.release("one"), stopping=False)
    assert "nothing ran before, so its containers are stopped" in log.text
    assert [each.status for each in world.containers()] == ["exited"]


# Nothing is changed


async def test_a_digest_that_has_vanished_changes_nothing(world: World) -> None:
    await world.deploy(world.service(), world.release("one"))
    [before] = world.containers()
    gone = Release(image=world.release("one").image, digest="sha256:" + "0" * 64)
    log = await world.fails(world.service(), gone, "is not in its registry any more .*; nothing was changed")
    assert log.failure.running == world.release("one").digest
    assert [each.id for each in world.containers()] == [before.id]


async def test_a_file_that_compose_does_not_accept_changes_nothing(world: World) -> None:
    await world.deploy(world.service(), world.release("one"))
    wrong = world.service(WEB + "    no_such_key: 1\n")
    await world.fails(wrong, world.release("two"), "does not accept the file: .*no_such_key.*nothing was changed")
    assert (await world.observe(world.service())).digest == world.release("one").digest


async def test_an_image_that_may_not_be_pulled_has_to_be_there(world: World) -> None:
    release = world.release("unseen", web_dockerfile("unseen"))
    with pytest.raises(DeploymentFailed, match=r"is not on the engine of .*, and the option `pull` is `never`"):
        await world.deploy(world.service(pull="never"), release)


async def test_the_images_of_other_services_are_pulled_before_anything_is_changed(world: World) -> None:
    other = world.release("other", LASTING)
    service = world.service(
        WEB + "  helper: {image: '${HELPER}', stop_signal: SIGKILL}\n", env={"HELPER": other.reference}
    )
    log = await world.deploy(service, world.release("one"))
    assert any(line.startswith(f"pulling {other.reference} on ") for line in log.notes)
    missing = world.service(WEB + "  helper: {image: '127.0.0.1:1/no/such:tag'}\n")
    await world.fails(missing, world.release("two"), None)
    assert (await world.observe(service)).health is Health.HEALTHY


async def test_nobody_else_changes_the_project_meanwhile(world: World) -> None:
    service = world.service()
    data = world.context().data
    records = Records(data, f"{project_of(service)}@{service.host}")
    with records.held(), pytest.raises(Waiting, match="another deployment changes project"):
        await world.deploy(service, world.release("one"))


# Drift


async def test_what_was_changed_by_hand_is_seen_and_put_right(world: World) -> None:
    service, one = world.service(), world.release("one")
    await world.deploy(service, one)
    assert (await world.observe(service)).drift == ""
    filled = WEB.replace("${IMAGE}", one.reference)
    world.by_hand(filled + "    environment: {DEBUG: '1'}\n")
    assert (await world.observe(service)).drift == "web was changed by hand"
    world.by_hand(filled + "  intruder: {image: " + one.reference + ", stop_signal: SIGKILL}\n", "--scale", "web=3")
    assert (await world.observe(service)).drift == "intruder is not in the file; web was scaled from 1 to 3"
    await world.deploy(world.service(remove_orphans=True), one)
    seen = await world.observe(service)
    assert (seen.drift, seen.digest, len(world.containers())) == ("", one.digest, 1)


async def test_another_image_by_hand_is_seen(world: World) -> None:
    service = world.service()
    await world.deploy(service, world.release("one"))
    world.by_hand(WEB.replace("${IMAGE}", world.release("two").reference))
    assert (await world.observe(service)).digest == world.release("two").digest


async def test_containers_of_different_releases_are_told(world: World) -> None:
    both = WEB + "  worker: {image: '${IMAGE}', stop_signal: SIGKILL}\n"
    service = world.service(both)
    await world.deploy(service, world.release("one"))
    half = both.replace("${IMAGE}", world.release("one").reference, 1).replace(
        "${IMAGE}", world.release("two").reference
    )
    world.by_hand(half)
    seen = await world.observe(service)
    assert seen.digest is None
    assert "web runs" in seen.detail
    assert "worker runs" in seen.detail


async def test_a_service_that_was_removed_is_seen(world: World) -> None:
    service = world.service(WEB + "  worker: {image: '${IMAGE}', stop_signal: SIGKILL}\n")
    await world.deploy(service, world.release("one"))
    next(each for each in world.containers() if "worker" in each.name).remove(force=True)
    seen = await world.observe(service)
    assert (seen.health, seen.drift) == (Health.UNHEALTHY, "worker was removed")
    assert seen.detail == "1 of 2 containers running, worker has no container"


# What compose is given


async def test_nothing_of_the_deployers_own_environment_gets_into_a_file(world: World, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN", "secret-of-the-deployer")
    service = world.service(
        WEB + "    environment: {A: 'x${TOKEN}x', B: '$GREETING', C: '$$HOME', D: '${HOME}', E: '${IMAGE}'}\n",
        env={"GREETING": "good day"},
    )
    await world.deploy(service, world.release("one"))
    [container] = world.containers()
    kept = dict(each.split("=", 1) for each in container.attrs["Config"]["Env"])
    assert (kept["A"], kept["B"], kept["C"]) == ("xx", "good day", "$HOME")
    assert kept["E"] == world.release("one").reference
    assert kept["D"] != str(Path.home())


async def test_a_registry_with_a_password(world: World, closed_registry, monkeypatch) -> None:
    world.engine.cli("login", "-u", closed_registry.username, "-p", closed_registry.password, closed_registry.name)
    client = world.engine.client()
    client.login(closed_registry.username, closed_registry.password, registry=closed_registry.name)
    release = world.release("closed", web_dockerfile("closed"), closed_registry)
    world.engine.cli("logout", closed_registry.name)
    await world.fails(
        world.service(), release, "does not let us pull .*put `user:password` into .*; nothing was changed"
    )
    variable = "DEPLOYER_SECRET_REGISTRY_" + closed_registry.name.replace(".", "_").replace(":", "_")
    monkeypatch.setenv(variable, f"{closed_registry.username}:{closed_registry.password}")
    log = await world.deploy(world.service(), release)
    assert closed_registry.password not in log.text
    kept = [path for path in world.tmp_path.rglob("*") if path.is_file()]
    assert not [
        path for path in kept if closed_registry.password.encode() in path.read_bytes() and "htpasswd" not in path.name
    ]


async def test_a_host_without_compose_is_told_how_to_get_it(world: World, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(Stalled, match=r"there is no compose on this host: install .*apt-get install docker-compose"):
        await world.deploy(world.service(), world.release("one"))
    monkeypatch.undo()
    await world.deploy(world.service(), world.release("one"))


async def test_a_name_that_is_no_projects_name_has_to_be_set(world: World) -> None:
    service = world.service()
    wrong = ServicePlace(name="Shop.example.org", host=service.host, options=service.options)
    with pytest.raises(Stalled, match="set the option `project`"):
        await world.deploy(wrong, world.release("one"))
    named = ServicePlace(
        name="Shop.example.org", host=service.host, options=world.service(project=world.project).options
    )
    await world.deploy(named, world.release("one"))
    assert world.containers()


async def test_caddy_is_started_with_its_domain_and_on_its_address(world: World) -> None:
    """With a stand-in: its program takes the arguments that Caddy's own would."""
    caddy = world.release(
        "caddy", f'FROM {BASE}\nENTRYPOINT ["sh", "-c", "echo \\"$@\\" > /www/index.html; {SERVE}", "caddy"]\n'
    )
    address = f"127.213.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    service = world.service(caddy={"domains": {"shop.example.org": address}})
    await world.deploy(service, caddy)
    [container] = world.containers()
    assert container.name.startswith(f"{world.project}_{world.project}_shop_example_org")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{address}/")
    assert answer.text.strip() == "--domain shop.example.org --root /usr/share/caddy"
    seen = await world.observe(service)
    assert (seen.digest, seen.health) == (caddy.digest, Health.HEALTHY)


async def test_several_projects_at_once(world: World) -> None:
    others = [World(world.engine, world.registry, world.tmp_path) for _ in range(3)]
    try:
        await asyncio.gather(*(each.deploy(each.service(), each.release("one")) for each in others))
        for each in others:
            assert (await each.observe(each.service())).health is Health.HEALTHY
    finally:
        for each in others:
            each.remove()


async def test_the_newer_form_of_compose_is_taken_where_docker_has_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker compose` is played by the older program behind it: Debian has no other."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "docker").write_text('#!/bin/sh\n[ "$1" = compose ] && shift && exec docker-compose "$@"\n')
    (directory / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    log = await world.deploy(world.service(), world.release("one"))
    assert any(note.startswith("$ docker compose --ansi never") for note in log.notes)
    assert (await world.observe(world.service())).health is Health.HEALTHY
