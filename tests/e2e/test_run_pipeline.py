"""The command as its user meets it: plans, refusals, running once, running harmlessly."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from tests.e2e.harness import Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
target = Target("live", "acme/shop:live", [Service("shop", Use("host"))])
recipe = Recipe("web", Use("host", command=["sh", "build.sh"]), platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe])])
"""


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    pipeline = make_pipeline(FLAVOUR)
    pipeline.work.write("build.sh", "echo built\n")
    pipeline.work.commit("First")
    pipeline.work.push("main", "main:live")
    return pipeline


def once(pipeline: Pipeline, *arguments: str) -> tuple[int, str]:
    done = pipeline.command("run_pipeline", "--flavour", "acme", "--once", *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_plan_says_what_would_be_done_and_changes_nothing(pipeline: Pipeline) -> None:
    for _ in range(2):
        done = pipeline.command("run_pipeline", "--flavour", "acme", "--plan")
        assert done.returncode == 0, done.stderr
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        commit = pipeline.work.commit_hash()[:10]
        build = f"release build of web on {here(pipeline)}"
        assert lines == [
            f"now build acme/shop: {build} of {commit} — nothing holds it",
            f"then publish acme/shop: release of acme/shop:live of {commit} — waits for the {build}",
            f"then deploy acme/shop: service shop of {commit} — waits for the {build}",
        ]
    for table in ("flavour", "repository", "commit", "ref", "job"):
        assert pipeline.query(f"select * from core_{table}") == []


def here(pipeline: Pipeline) -> str:
    done = pipeline.command("run_pipeline", "--flavour", "acme", "--plan", "--json")
    what = json.loads(done.stdout)["steps"][0]["what"]
    return str(what).rpartition(" ")[2]


def test_a_plan_for_scripts_names_what_could_not_be_looked_at(pipeline: Pipeline) -> None:
    done = pipeline.command("run_pipeline", "--flavour", "acme", "--plan", "--json", "acme/shop")
    plan = json.loads(done.stdout)
    assert [(step["when"], step["verb"], step["level"]) for step in plan["steps"]] == [
        ("now", "build", "average"),
        ("then", "publish", "dangerous"),
        ("then", "deploy", "dangerous"),
    ]
    assert plan["unseen"] == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--flavour", "acm"), "there is no flavour 'acm'; there are: acme, demo", id="flavour"),
        pytest.param(("--flavour", "acme", "acme/shp"), "did you mean 'acme/shop'?", id="repository"),
        pytest.param(
            ("--flavour", "acme", "--confirm", "high"),
            "the levels are harmless, mostly-harmless, average, above-average, dangerous",
            id="level",
        ),
        pytest.param(("--flavour", "acme", "--confirm-auto-release", "5"), "give that too", id="auto-release alone"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    pipeline: Pipeline, arguments: tuple[str, ...], told: str
) -> None:
    done = pipeline.command("run_pipeline", *arguments, "--once")
    assert done.returncode == 2
    assert told in done.stderr


def test_a_wrong_flavour_is_refused_with_every_fault_and_its_place(make_pipeline: Callable[[str], Pipeline]) -> None:
    wrong = FLAVOUR.replace("platforms=[here]", "platforms=['linux/amd46'], timeout=0")
    done = make_pipeline(wrong).command("run_pipeline", "--flavour", "acme", "--once")
    assert done.returncode == 2
    assert (
        "acme_flavour.py: acme/shop: recipe 'web': platform 'linux/amd46': unknown; did you mean 'linux/" in done.stderr
    )
    assert "acme_flavour.py: acme/shop: recipe 'web': timeout 0: it has to be a second or more" in done.stderr


def test_once_ends_with_0_when_all_is_well_and_with_1_when_a_build_failed(pipeline: Pipeline) -> None:
    status, told = once(pipeline)
    assert (status, "All is well" in told) == (0, True), told
    good = pipeline.live_commit()
    pipeline.work.write("build.sh", "echo no; exit 3\n")
    pipeline.work.commit("Broken")
    pipeline.work.push("main:live")
    status, told = once(pipeline)
    assert status == 1
    assert "sh build.sh exited with status 3" in told
    assert pipeline.live_commit() == good, "what runs goes on running"


def test_once_ends_with_1_when_a_repository_does_not_answer(pipeline: Pipeline) -> None:
    assert once(pipeline)[0] == 0
    pipeline.server.stop()
    status, told = once(pipeline)
    assert status == 1
    assert "acme/shop" in told
    assert "cannot be reached" in told


def test_harmlessly_everything_waits_for_approval_and_nothing_is_checked(pipeline: Pipeline) -> None:
    status, told = once(pipeline, "--harmless")
    assert (status, "waits" in told) == (0, True), told
    assert [(title.split(": ")[1][:13], state) for _, title, state, _, _ in pipeline.jobs()] == [
        ("release build", "queued")
    ]
    status, told = once(pipeline)
    assert status == 0, told
    assert pipeline.live_commit(), "without --harmless it goes on by itself"


def test_a_threshold_stops_what_is_dangerous_until_it_is_lifted(pipeline: Pipeline) -> None:
    assert once(pipeline, "--confirm", "dangerous")[0] == 0
    assert [state for _, _, state, _, _ in pipeline.jobs()] == ["succeeded", "queued"]
    assert once(pipeline, "--confirm", "dangerous", "--confirm-auto-release", "0")[0] == 0
    assert pipeline.live_commit()


def test_a_job_that_waits_goes_on_once_it_is_approved_on_the_command_line(pipeline: Pipeline) -> None:
    assert once(pipeline, "--confirm", "dangerous")[0] == 0
    (release,) = [job for job, _, state, _, _ in pipeline.jobs() if state == "queued"]
    done = pipeline.command("approve", str(release), "--reason", "it was looked at")
    assert done.returncode == 0, done.stderr
    assert once(pipeline, "--confirm", "dangerous")[0] == 0
    assert [state for _, _, state, _, _ in pipeline.jobs()] == ["succeeded", "succeeded", "queued"]


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(pipeline: Pipeline) -> None:
    pipeline.start()
    pipeline.until(pipeline.live_commit)
    before = sorted(pipeline.processes("run_runner"))
    status, told = once(pipeline)
    assert status == 2
    assert f"runs on {pipeline.data} already" in told
    assert sorted(pipeline.processes("run_runner")) == before
    assert pipeline.stop() == 0


def test_a_port_that_is_taken_is_said_at_once(pipeline: Pipeline) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", pipeline.port))
        taken.listen()
        done = pipeline.command("run_pipeline", "--flavour", "acme", "--port", str(pipeline.port))
    assert done.returncode == 2
    assert f"the pages cannot be at 127.0.0.1:{pipeline.port}" in done.stderr
