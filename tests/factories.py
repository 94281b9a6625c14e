"""Rows for tests: functions with keywords and good defaults. What is not given is made, of the dummy plugin's kinds.

service = make_service(name="shop")                      # with a target, recipe, repository and flavour of its own
target = make_target(recipe=recipe, branch="staging")    # under something that is there
job = make_job(state=JobState.RUNNING, build=build)
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from core.incidents import IncidentKind
from core.models import (
    Activity,
    ApiToken,
    Approval,
    Build,
    BuilderPools,
    Commit,
    Delivery,
    Deployment,
    Flavour,
    GateException,
    Hold,
    IdempotentCall,
    Identity,
    Input,
    Job,
    LogRule,
    Measurement,
    Message,
    PluginFact,
    PluginIncident,
    PluginSwitch,
    Probe,
    Process,
    Provenance,
    Recipe,
    Ref,
    Release,
    ReleaseChanges,
    Repository,
    Rollback,
    Runner,
    Schema,
    Service,
    Target,
    Tidying,
)
from core.states import JOB, HoldKind, JobKind, JobState, Level, ProcessKind, Purpose, RefKind

KIND = "dummy"
PLATFORM = "linux/amd64"
_numbers = count(1)


def digest_of(text: str) -> str:
    """A digest as images have them."""
    return "sha256:" + sha256(text.encode()).hexdigest()


def _fingerprint(text: str) -> str:
    return sha256(f"{text} {next(_numbers)}".encode()).hexdigest()


def make_user(name: str = "", *, password: str = "open sesame", **fields: Any) -> User:
    return User.objects.create_user(name or f"user{next(_numbers)}", password=password, **fields)


# What is declared


def make_flavour(name: str = "", **fields: Any) -> Flavour:
    return Flavour.objects.create(name=name or f"flavour{next(_numbers)}", **fields)


def make_input(name: str = "", *, flavour: Flavour | None = None, value: str = "", **fields: Any) -> Input:
    """An input; one with a value was read just now."""
    if value:
        fields = {"read_at": timezone.now(), **fields}
    return Input.objects.create(
        name=name or f"input{next(_numbers)}",
        flavour=flavour or make_flavour(),
        value=value,
        **{"reader": KIND, **fields},
    )


def make_repository(name: str = "", *, flavour: Flavour | None = None, **fields: Any) -> Repository:
    return Repository.objects.create(
        name=name or f"owner/repository{next(_numbers)}",
        flavour=flavour or make_flavour(),
        **{"source": KIND, **fields},
    )


def make_recipe(name: str = "web", *, repository: Repository | None = None, **fields: Any) -> Recipe:
    return Recipe.objects.create(
        name=name, repository=repository or make_repository(), **{"builder": KIND, "platforms": [PLATFORM], **fields}
    )


def make_target(branch: str = "live", *, recipe: Recipe | None = None, image: str = "", **fields: Any) -> Target:
    recipe = recipe or make_recipe()
    return Target.objects.create(
        recipe=recipe, branch=branch, image=image or f"{recipe.repository.name}:{branch}", **fields
    )


def make_service(name: str = "", *, target: Target | None = None, **fields: Any) -> Service:
    return Service.objects.create(
        name=name or f"service{next(_numbers)}", target=target or make_target(), **{"deployer": KIND, **fields}
    )


# What sources say


def make_commit(hash: str = "", *, repository: Repository | None = None, **fields: Any) -> Commit:
    return Commit.objects.create(
        hash=hash or f"{next(_numbers):040x}",
        repository=repository or make_repository(),
        **{"message": "A change", "author": "A. Uthor <a@example.org>", "committed_at": timezone.now(), **fields},
    )


def make_ref(
    name: str = "refs/heads/live",
    *,
    commit: Commit | None = None,
    repository: Repository | None = None,
    **fields: Any,
) -> Ref:
    """A ref; `live` is short for `refs/heads/live`. Branches are trusted unless it is said otherwise."""
    name = name if name.startswith("refs/") else f"refs/heads/{name}"
    branch = name.startswith("refs/heads/")
    commit = commit or make_commit(repository=repository)
    return Ref.objects.create(
        name=name,
        commit=commit,
        repository=commit.repository,
        **{"kind": RefKind.BRANCH if branch else RefKind.PULL_REQUEST, "trusted": branch, **fields},
    )


# What is done


def make_build(
    *, recipe: Recipe | None = None, commit: Commit | None = None, target: Target | None = None, **fields: Any
) -> Build:
    """A build: for a release where a target is given, else a check build."""
    recipe = recipe or (target.recipe if target else make_recipe())
    return Build.objects.create(
        recipe=recipe,
        commit=commit or make_commit(repository=recipe.repository),
        target=target,
        **{
            "fingerprint": _fingerprint("build"),
            "platform": PLATFORM,
            "purpose": Purpose.RELEASE if target else Purpose.CHECK,
            "trusted": True,
            **fields,
        },
    )


def make_release(
    *, target: Target | None = None, commit: Commit | None = None, digest: str | None = None, **fields: Any
) -> Release:
    """A release that was published; one with an empty digest was not."""
    target = target or make_target()
    commit = commit or make_commit(repository=target.recipe.repository)
    digest = digest_of(f"{target.image} {commit.hash}") if digest is None else digest
    return Release.objects.create(
        target=target,
        commit=commit,
        digest=digest,
        **{
            "fingerprint": _fingerprint("release"),
            "image": target.image,
            "published_at": timezone.now() if digest else None,
            **fields,
        },
    )


def make_release_changes(*, release: Release | None = None, **fields: Any) -> ReleaseChanges:
    """What came with a release: told already, one commit, its own."""
    release = release or make_release()
    commit = {"hash": release.commit.hash, "title": release.commit.title, "author": release.commit.author, "at": ""}
    told = {"known": True, "next_attempt_at": None, "commits": [commit]}
    previous = fields.pop("previous", None) or make_release(target=release.target)
    return ReleaseChanges.objects.create(release=release, previous=previous, **{**told, **fields})


def make_provenance(*, release: Release | None = None, **fields: Any) -> Provenance:
    return Provenance.objects.create(release=release or make_release(), **fields)


def make_deployment(
    *,
    service: Service | None = None,
    release: Release | None = None,
    state: JobState = JobState.SUCCEEDED,
    job: Job | None = None,
    **fields: Any,
) -> Deployment:
    """A deployment with its job; one that succeeded is what the service runs now."""
    service = service or make_service(target=release.target if release else None)
    release = release or make_release(target=service.target)
    job = job or make_job(
        JobKind.DEPLOYMENT,
        state=state,
        repository=release.commit.repository,
        commit=release.commit,
        exclusive=f"service:{service.pk}",
        title=f"{service}: deployment to {release.commit.short}",
    )
    was = {"previous": service.current, "previous_digest": service.current_digest}
    deployment = Deployment.objects.create(
        service=service, release=release, job=job, **{"digest": release.digest, **was, **fields}
    )
    if job.state == JobState.SUCCEEDED:
        service.current, service.current_digest = release, deployment.digest
        service.current_since = timezone.now()
        service.save(update_fields=["current", "current_digest", "current_since"])
    return deployment


def make_rollback(
    *, service: Service | None = None, release: Release | None = None, away_from: str = "f" * 40, **fields: Any
) -> Rollback:
    service = service or make_service(target=release.target if release else None)
    return Rollback.objects.create(
        service=service, release=release or make_release(target=service.target), away_from=away_from, **fields
    )


def make_job(
    kind: JobKind = JobKind.BUILD,
    *,
    state: JobState = JobState.QUEUED,
    repository: Repository | None = None,
    flavour: Flavour | None = None,
    commit: Commit | None = None,
    build: Build | None = None,
    release: Release | None = None,
    input: Input | None = None,
    **fields: Any,
) -> Job:
    """A job, of what is given. One that runs is in the hands of runner `runner` for the next minute."""
    work = build or release
    commit = commit or (work.commit if work else None)
    owner = repository or (commit.repository if commit else None) or input or make_repository(flavour=flavour)
    fingerprint = fields.pop("fingerprint", "") or (work.fingerprint if work else _fingerprint(kind))
    job = Job.objects.create(
        kind=kind,
        state=state,
        flavour=flavour or owner.flavour,
        repository=owner if isinstance(owner, Repository) else None,
        commit=commit,
        build=build,
        release=release,
        input=input,
        fingerprint=fingerprint,
        **{"exclusive": fingerprint, "title": f"{kind} job", "level": Level.AVERAGE, **_times(state), **fields},
    )
    if work is not None:
        work.job = job
        work.save(update_fields=["job"])
    return job


def _times(state: JobState) -> dict[str, Any]:
    now = timezone.now()
    if state is JobState.QUEUED:
        return {}
    if state in JOB.active:
        return {"runner": "runner", "lease_until": now + timedelta(minutes=1), "started_at": now}
    return {"runner": "runner", "started_at": now, "finished_at": now}


# The rest


def make_hold(*, service: Service | None = None, flavour: Flavour | None = None, **fields: Any) -> Hold:
    """A lock of a service, or a freeze of a flavour; `kind` for a pause."""
    if service is None:
        flavour = flavour or make_flavour()
    defaults: dict[str, Any] = {
        "flavour": flavour or (service and service.target.recipe.repository.flavour),
        "kind": HoldKind.LOCK if service else HoldKind.FREEZE,
        "reason": "we look into it",
    }
    return Hold.objects.create(
        service=service, owner=fields.pop("owner", None) or make_user(), **{**defaults, **fields}
    )


def make_approval(*, job: Job | None = None, **fields: Any) -> Approval:
    job = job or make_job(state=JobState.QUEUED)
    return Approval.objects.create(
        job=job, user=fields.pop("user", None) or make_user(), **{"confirms": True, **fields}
    )


def make_gate_exception(*, service: Service | None = None, **fields: Any) -> GateException:
    """Every deployment of a service is let through, unless a job is given."""
    told = {"gate": KIND, "key": f"{KIND}-0", "title": KIND, "reason": "it cannot wait"}
    granted_by = fields.pop("granted_by", None) or make_user()
    return GateException.objects.create(service=service or make_service(), granted_by=granted_by, **{**told, **fields})


def make_runner(name: str = "", **fields: Any) -> Runner:
    number = next(_numbers)
    return Runner.objects.create(
        name=name or f"runner{number}", **{"host": "here", "process": number, "boot": "boot", **fields}
    )


def make_process(kind: ProcessKind = ProcessKind.WEB, name: str = "", **fields: Any) -> Process:
    number = next(_numbers)
    row = {"host": "here", "process": number, "boot": "boot", **fields}
    return Process.objects.create(kind=kind, name=name or f"{kind}{number}", **row)


def make_message(**fields: Any) -> Message:
    return Message.objects.create(
        **{"key": f"message {next(_numbers)}", "recipient": "notifier", "payload": {}, **fields}
    )


def make_identity(**fields: Any) -> Identity:
    number = next(_numbers)
    user = fields.pop("user", None) or User.objects.create_user(f"github:person-{number}")
    return Identity.objects.create(
        **{"user": user, "provider": "github", "subject": str(number), "login": f"person-{number}", **fields}
    )


def make_delivery(**fields: Any) -> Delivery:
    told = {"source": "git", "key": f"delivery {next(_numbers)}", "event": "push", "done_at": timezone.now()}
    return Delivery.objects.create(**{**told, **fields})


def make_plugin_fact(**fields: Any) -> PluginFact:
    told = {"plugin": "git", "label": f"label {next(_numbers)}", "text": "all is well"}
    return PluginFact.objects.create(**{**told, **fields})


def make_measurement(**fields: Any) -> Measurement:
    told = {"name": "deployer_jobs_finished", "labels": ["build", "failed"], "key": _fingerprint("m"), "count": 1}
    return Measurement.objects.create(**{**told, **fields})


def make_builder_pools(**fields: Any) -> BuilderPools:
    told = {
        "builder": f"builder-{next(_numbers)}",
        "pools": [{"name": "linux-x86_64", "running": 1, "queued": 0, "capacity": 4, "workers": []}],
    }
    return BuilderPools.objects.create(**{**told, **fields})


def make_plugin_switch(plugin: str = "", **fields: Any) -> PluginSwitch:
    """A plugin that somebody disabled."""
    told = {"disabled_at": timezone.now(), "reason": "It leaks."}
    return PluginSwitch.objects.create(plugin=plugin or f"plugin{next(_numbers)}", **{**told, **fields})


def make_plugin_incident(plugin: str = "", **fields: Any) -> PluginIncident:
    told = {"kind": IncidentKind.RAISED, "where": "deployer_job_moved", "detail": "ValueError: no", "count": 1}
    return PluginIncident.objects.create(plugin=plugin or f"plugin{next(_numbers)}", **{**told, **fields})


def make_probe(**fields: Any) -> Probe:
    asked = {"question": {"ask": "build"}, "key": _fingerprint("probe")}
    return Probe.objects.create(asked_by=fields.pop("asked_by", None) or make_user(), **{**asked, **fields})


def make_schema(**fields: Any) -> Schema:
    """Which version the tables need. There is one row at most in earnest."""
    return Schema.objects.create(**{"minimum": 1, "because": "Older code would miss a column.", **fields})


def make_tidying(**fields: Any) -> Tidying:
    return Tidying.objects.create(**{"removed": {"logs": 3, "bytes": 4096}, "finished_at": timezone.now(), **fields})


def make_log_rule(name: str = "", **fields: Any) -> LogRule:
    found = {"pattern": "^error: (.+)$", "report": r"It failed: \1"}
    return LogRule.objects.create(name=name or f"rule {next(_numbers)}", **{**found, **fields})


def make_activity(**fields: Any) -> Activity:
    return Activity.objects.create(**{"verb": "cancelled", "subject": "job 1", "label": "a job", **fields})


def make_api_token(**fields: Any) -> ApiToken:
    defaults = {"name": "a script", "hash": _fingerprint("token"), "beginning": "abcdef", "scopes": ["read", "act"]}
    return ApiToken.objects.create(owner=fields.pop("owner", None) or make_user(), **{**defaults, **fields})


def make_idempotent_call(**fields: Any) -> IdempotentCall:
    defaults = {"key": f"call {next(_numbers)}", "request": _fingerprint("call"), "status": 200}
    return IdempotentCall.objects.create(person=fields.pop("person", None) or make_user(), **{**defaults, **fields})
