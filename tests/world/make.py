"""Makes the world's rows, each with the age that it has to have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

from django.db.models import Model
from django.utils import timezone
from django_q.models import Schedule

from core import schema
from core.engine import schedules
from core.models import Build, Commit, Deployment, Flavour, Job, Recipe, Release, ReleaseChanges, Repository, Service
from core.pipeline.evaluate import Status
from core.pipeline.gates import Answer
from core.services import gates
from core.states import Health, JobKind, JobState, Level, ProcessKind
from core.versions import VERSION
from tests import factories
from tests.world import fingerprints, logs
from tests.world.names import ACME, COMMITS, DOCS, PASSWORD, REFS, Place

_turn = count()


class World:
    """Flavours, repositories, services and what befell them, as of now."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.keys: dict[str, Any] = {}
        self.operator = factories.make_user("operator", password=PASSWORD, is_staff=True, is_superuser=True)

    def make(self) -> dict[str, Any]:
        """Make everything; answers the keys of the rows that are good to look at, by the first word of their addresses."""
        acme = factories.make_flavour("acme", title="Acme", threshold=Level.DANGEROUS, origin="flavours/acme.py")
        docs = factories.make_flavour("docs", title="Documentation", origin="flavours/docs.py")
        for flavour, places in ((acme, ACME), (docs, DOCS)):
            for place in places:
                self._place(flavour, place)
        self._system(acme)
        fingerprints.settle()
        self.keys["flavours"] = acme.name
        return self.keys

    def _ago(self, **length: float) -> Any:
        return self.now - timedelta(**length)

    def _place(self, flavour: Flavour, place: Place) -> None:
        url = f"https://git.example/{place.repository}"
        repository = factories.make_repository(
            place.repository,
            flavour=flavour,
            source="git",
            origin=flavour.origin,
            options={"url": f"{url}.git", "commit_url": url + "/commit/{commit}", "ref_url": url + "/tree/{ref}"},
            looked_at=self._ago(seconds=38),
            default_branch="main",
            validator="seen",
            reconciled_version=1,
        )
        recipe = factories.make_recipe(
            "image", repository=repository, builder="docker", platforms=["linux/amd64", "linux/arm64"]
        )
        target = factories.make_target(
            place.branch, recipe=recipe, image=f"registry.acme.example/{place.repository.partition('/')[2]}:live"
        )
        releases = [self._release(target, days) for days in (41.3, 9.4, 2.2)]
        for older, newer in pairwise(releases):
            self._came_with(newer, older)
        factories.make_ref(f"refs/heads/{place.branch}", commit=releases[-1].commit, moved_at=self._ago(hours=5.4))
        for name, host, word in place.services:
            uri = f"https://{name}.acme.example"
            row = factories.make_service(name, target=target, deployer="docker_swarm", host=host, uri=uri)
            if word != "new":
                for release, days in zip(releases[:-1], (41.2, 9.3), strict=True):
                    self._deployed(row, release, self._ago(days=days))
            self._befall(row, releases[-1], word)
        if place is ACME[0] or place is ACME[3]:
            self._refs(repository, recipe)

    def _commit(self, repository: Repository, days: float) -> Commit:
        message, author = COMMITS[next(_turn) % len(COMMITS)]
        hash = factories.digest_of(f"{repository} {days} {message}")[7:47]
        return factories.make_commit(
            hash, repository=repository, message=message, author=author, committed_at=self._ago(days=days)
        )

    def _release(self, target: Any, days: float) -> Release:
        commit = self._commit(target.recipe.repository, days)
        release = factories.make_release(target=target, commit=commit, published_at=self._ago(days=days - 0.02))
        for platform in target.recipe.platforms:
            build = factories.make_build(target=target, commit=commit, platform=platform)
            title = f"{commit.repository}: release build of image on {platform} of {commit.short}"
            self._job(JobKind.BUILD, self._ago(days=days), timedelta(seconds=74), build=build, title=title)
            release.builds.add(build)
        title = f"{commit.repository}: release of {release.image} from {commit.short}"
        began = self._ago(days=days - 0.01)
        self._job(JobKind.RELEASE, began, timedelta(seconds=8), release=release, title=title, level=Level.ABOVE_AVERAGE)
        return release

    def _came_with(self, release: Release, previous: Release) -> None:
        """Note what the source tells of the commits between two releases."""
        commits = [
            {"hash": each.hash, "title": each.title, "author": each.author, "at": each.committed_at.isoformat()}
            for each in (release.commit, self._commit(release.commit.repository, 4.2))
        ]
        ReleaseChanges.objects.create(
            release=release, previous=previous, commits=commits, known=True, next_attempt_at=None
        )

    def _job(self, kind: JobKind, began: Any, took: timedelta, **fields: Any) -> Job:
        state = fields.pop("state", JobState.SUCCEEDED)
        job = factories.make_job(kind, state=state, **fields)
        times: dict[str, Any] = {"created_at": began - timedelta(seconds=3)}
        if state != JobState.QUEUED:
            times["started_at"] = began
        if state in (JobState.SUCCEEDED, JobState.FAILED):
            times["finished_at"] = began + took
        return _changed(job, **times)

    def _deployed(self, service: Service, release: Release, at: Any, **fields: Any) -> Deployment:
        deployment = factories.make_deployment(service=service, release=release, **fields)
        _changed(deployment, created_at=at)
        state = deployment.job.state
        over = state in (JobState.SUCCEEDED, JobState.FAILED)
        _changed(
            deployment.job,
            level=Level.DANGEROUS,
            created_at=at,
            **({} if state == JobState.QUEUED else {"started_at": at}),
            **({"finished_at": at + timedelta(seconds=31)} if over else {}),
        )
        service.refresh_from_db()
        digest = service.current_digest
        _changed(
            service,
            status=Status.DONE,
            current_since=at if state == JobState.SUCCEEDED else service.current_since,
            observed_health=Health.HEALTHY,
            observed_digest=digest,
            observed_at=self._ago(seconds=90),
            observed_detail="3 of 3 tasks run",
        )
        return deployment

    def _befall(self, row: Service, release: Release, word: str) -> None:
        """Let happen to a service what the word says."""
        at = self._ago(hours=5.3)
        match word:
            case "fine" | "unhealthy" | "drift" | "locked":
                self._deployed(row, release, at)
            case "moving":
                moving = self._deployed(row, release, self._ago(seconds=48), state=JobState.RUNNING)
                _changed(row, status=Status.RUNNING)
                self._log(moving.job, logs.MOVED, ended=False)
                self.keys.setdefault("running", moving.job_id)
            case "queued":
                self._deployed(row, release, self._ago(minutes=4.2), state=JobState.QUEUED)
                _changed(row, status=Status.WAITING, reason="waits until search@search1 is at it")
            case "approval":
                self._held(row, self._deployed(row, release, at, state=JobState.QUEUED))
            case "failed":
                failed = self._deployed(row, release, self._ago(minutes=22), state=JobState.FAILED)
                said = "task 1 of 3 was not healthy within 60 s; rolled back to what ran before"
                _changed(failed.job, reason=said, finished_at=self._ago(minutes=20.6))
                _changed(failed, unhealthy=said)
                self.keys["taken_back"] = failed.pk
                _changed(row, status=Status.FAILED, reason=said)
                self._log(failed.job, logs.MOVED)
            case "new":
                _changed(row, status=Status.BLOCKED, reason="waits for the release: its builds are not done")
        if word == "unhealthy":
            _changed(row, observed_health=Health.UNHEALTHY, observed_detail="1 of 3 tasks runs: out of memory")
            asked = {"asked_by": self.operator, "reason": "the new one is slow"}
            _changed(factories.make_rollback(service=row, release=release, **asked), asked_at=self._ago(hours=4.1))
            self.keys |= {"services": row.pk, "deployments": row.deployments.latest("pk").pk, "releases": release.pk}
            self.keys |= {"rollback": row.deployments.earliest("pk").release_id, "targets": row.target_id}
        if word == "drift":
            _changed(row, observed_digest=factories.digest_of("somebody else's"))
            self.keys["drifted"] = row.pk
        if word == "locked":
            hold = factories.make_hold(
                service=row, owner=self.operator, reason="the bank counts its money until Monday"
            )
            _changed(hold, since=self._ago(hours=3.2))

    def _held(self, row: Service, deployment: Deployment) -> None:
        """Have two gates hold a deployment, that one of two people approved of, and a third gate be passed by exception."""
        windows, orders = {"windows": ["Fri 16:00–Mon 08:00"], "zone": "Europe/Paris"}, {"needed": 2}
        passed = {"url": "https://desk.acme.example/may-deploy"}
        row.gates = [["window", windows], ["approvals", orders], ["http", passed]]
        row.status, row.reason = Status.WAITING, "Held by gates window and approvals"
        row.save(update_fields=["gates", "status", "reason"])
        standing = gates.standing_before(row.target.recipe.repository.flavour, row)
        monday = self.now + timedelta(days=(7 - self.now.weekday()) % 7 or 7)
        until = monday.replace(hour=7, minute=0, second=0, microsecond=0)
        approvers = ("admin",)
        said = [
            Answer(
                kind=each.kind, key=each.key, title=each.title, exceptions=each.exceptions, holds=each.kind != "http",
                reason={
                    "window": f"nothing is deployed until {until:%a %Y-%m-%d} 08:00 in Europe/Paris: nobody is there",
                    "approvals": "1 of 2, by noor; needs 1 more of role admin, not Ada who wrote it",
                }.get(each.kind, ""),
                until=until if each.kind == "window" else None,
                lifted_by=f"1 approval of role admin, on its page or with `manage.py approve {deployment.job_id}`"
                if each.kind == "approvals" else "",
                approvers=approvers if each.kind == "approvals" else (),
            )
            for each in standing
        ]  # fmt: skip
        _changed(deployment, gates=gates.kept(said), gates_asked_at=self._ago(seconds=12))
        approval = factories.make_approval(job=deployment.job, user=factories.make_user("noor"), reason="read it")
        _changed(approval, at=self._ago(minutes=42))
        http = standing[-1]
        told = {"gate": http.kind, "key": http.key, "title": http.title, "reason": "the desk's server is being moved"}
        exception = factories.make_gate_exception(service=row, granted_by=self.operator, **told)
        _changed(exception, until=self.now + timedelta(hours=3), granted_at=self._ago(hours=1))
        self.keys |= {"waiting": deployment.job_id, "held": row.pk, "exceptions": exception.pk}

    def _refs(self, repository: Repository, recipe: Recipe) -> None:
        """Branches and pull requests that are checked."""
        self.keys["repositories"] = repository.pk
        for number, (name, trusted, word) in enumerate(REFS):
            commit = self._commit(repository, 0.11 * number + 0.05)
            ref = factories.make_ref(name, commit=commit, trusted=trusted, moved_at=self._ago(hours=2.6 * number + 1.3))
            _changed(ref, title="A stranger's idea" if not trusted else "")
            for platform in recipe.platforms:
                build = factories.make_build(recipe=recipe, commit=commit, platform=platform, trusted=trusted)
                self._check(build, JobState(word), number)

    def _check(self, build: Build, state: JobState, number: int) -> None:
        title = f"{build.commit.repository}: check build of image on {build.platform} of {build.commit.short}"
        began, took = self._ago(minutes=14 * number + 2.3), timedelta(seconds=41)
        job = self._job(JobKind.BUILD, began, took, state=state, build=build, title=title, pool="builder docker")
        if state == JobState.FAILED:
            place = {"path": "src/index.rs", "line": 142, "message": "assertion `left == right` failed"}
            excerpt = "\n".join(line[:120] for line in map(logs.without_colours, logs.BUILT[-9:-1]))
            cause = "A test failed: index::titles_come_first"
            _changed(job, reason="the build ended with status 1", cause=cause, excerpt=excerpt, places=[place])
            self.keys |= {"jobs": job.pk, "builds": build.pk, "commits": build.commit_id}
            self.keys["refs"] = build.commit.refs.get().pk
        if state != JobState.QUEUED:
            self._log(job, logs.BUILT, ended=state != JobState.RUNNING)

    def _log(self, job: Job, lines: Sequence[str], *, ended: bool = True) -> None:
        job.refresh_from_db()
        name = f"2026-11-24/{job.pk:06}-{job.kind}.log"
        _changed(job, log=name)
        assert job.started_at
        logs.write(name, lines, job.started_at, timedelta(seconds=41), ended=ended)

    def _system(self, flavour: Flavour) -> None:
        """What people, runners, webhooks and plugins did."""
        schedules.install()
        Schedule.objects.update(next_run=self.now + timedelta(minutes=2.5))
        self._processes()
        dev = factories.make_user("github:noor")
        said = (
            (self.operator, "locked", "payments@vault1", "the bank counts its money until Monday", 3.2),
            (self.operator, "rolled back", "shop@web2", "the new one is slow", 4.1),
            (dev, "approved", "accounts@web1: deployment to 77aa01c2b9", "", 5.5),
            (dev, "cancelled", "acme/search: check build of image on linux/arm64", "pushed by mistake", 7.7),
            (None, "took back", "search@search1", "it was not healthy within 60 s", 26.2),
        )
        for user, verb, label, reason, hours in reversed(said):
            factories.make_activity(user=user, verb=verb, label=label, reason=reason, at=self._ago(hours=hours))
        for number, (event, outcome) in enumerate(
            (
                ("push", "looked at acme/search"),
                ("pull_request", "looked at acme/shop"),
                ("refused", "its signature is wrong"),
            )
        ):
            factories.make_delivery(
                event=event,
                sender="github:noor",
                repositories=["acme/search"],
                outcome=outcome,
                received_at=self._ago(minutes=9 * number + 3),
            )
        removed = {
            "logs": 412,
            "jobs": 96,
            "builds": 60,
            "commits": 31,
            "refs": 12,
            "images": 7,
            "bytes": 2_410_000_000,
        }
        factories.make_tidying(removed=removed, finished_at=self._ago(hours=9.3))
        worker = {"name": "build2", "running": 3, "state": "active"}
        tired = {"name": "build3", "running": 0, "state": "paused"}
        pool = {"name": "linux-x86_64", "running": 3, "queued": 2, "capacity": 8, "workers": [worker, tired]}
        small = {"name": "linux-arm64", "running": 0, "queued": 1, "capacity": 0, "workers": []}
        factories.make_builder_pools(builder="ocluster", pools=[pool, small], at=self._ago(seconds=21))
        factories.make_plugin_incident("slack", detail="KeyError: 'channel'", where="messages.py:40 in text", count=3)
        for text, label, warning in (("4,812 of 5,000 until 10:00", "GraphQL points", False), ("none", "key", True)):
            factories.make_plugin_fact(
                plugin="github", label=label, text=text, warning=warning, at=self._ago(minutes=1.2)
            )
        factories.make_input("debian", flavour=flavour, value="sha256:1d3c81", reader="image_tag")
        token = factories.make_api_token(owner=self.operator, name="the release script")
        _changed(token, created_at=self._ago(days=12.5), used_at=self._ago(hours=2.5))
        self.keys["tokens"] = token.pk

    def _processes(self) -> None:
        """Two of each, one of them of an older version; a runner that is drained, and one that was lost."""
        vitals = {"memory": 131 << 20, "loop_delay": 0.004, "clock": 0.02}
        new = {"schema": schema.known(), "version": VERSION, "lease_until": self.now + timedelta(hours=1)}
        one = factories.make_runner("web1-2201", host="web1", **new, vitals={**vitals, "concurrency": 200})
        two = factories.make_runner("build2-904", host="build2", **{**new, "schema": 14, "version": "0.0.9"})
        lost = factories.make_runner("build3-77", host="build3", heartbeat_at=self._ago(minutes=12))
        why = {"drain_by": self.operator.username, "drain_reason": "build2 gets a new disk"}
        _changed(two, drain_at=self._ago(minutes=3), **why)
        rows = [one, two, lost]
        for kind, host, more in (
            (ProcessKind.WEB, "web1", {"address": "0.0.0.0:8000", "followers": 7}),
            (ProcessKind.WEB, "web2", {"address": "0.0.0.0:8000", "followers": 3}),
            (ProcessKind.QCLUSTER, "web1", {}),
        ):
            rows.append(factories.make_process(kind, host=host, **new, vitals={**vitals, **more}))
        for row in rows:
            _changed(row, started_at=self._ago(days=3.3))
        Job.objects.running().update(runner=one.name)


def _changed(row: Any, **fields: Any) -> Any:
    """Set fields that a row got by itself, without what else saving does."""
    assert isinstance(row, Model)
    type(row)._default_manager.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row
