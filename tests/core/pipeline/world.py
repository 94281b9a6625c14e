"""A small world without a database, for the laws of the pipeline: what is declared, the refs, the jobs, and who works on them.

It keeps facts as `core/services` does, builds snapshots as `core/engine/snapshot.py` does, remembers which refs have to be
evaluated again as `core/services` does (`stale`), and writes down everything that was started and moved (`started`,
`moves`, `tags`), for tests to look at afterwards. What some builds make differs each time; what others make does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from core.pipeline.evaluate import Evaluation, evaluate
from core.pipeline.facts import (
    ActiveJob,
    RecipeFact,
    RefFact,
    Result,
    RollbackFact,
    ServiceFact,
    Snapshot,
)
from core.pipeline.graph import build
from core.pipeline.operations import Build, Deploy, Operation, Publish
from core.states import JOB, Actor, JobState, RefKind, Rollout
from tests.core.pipeline.rows import Declaration, Fate, Job, Move, Start, Tag


@dataclass
class World:
    """The rows of one repository, and the verbs that change them.

    :ivar running: the release that each service was moved to last, and `digests` the digest that it had then.
    :ivar published: the releases, and `released` the newest digest of each.
    :ivar stale: the refs that have to be evaluated again.
    :ivar pushes: how often each ref has moved.
    :ivar asked: how many rollbacks were asked for.
    """

    declaration: Declaration
    refs: dict[str, RefFact] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    running: dict[int, str] = field(default_factory=dict)
    rollbacks: dict[int, RollbackFact] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    published: dict[str, Publish] = field(default_factory=dict)
    released: dict[str, str] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    pushes: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    started: list[Start] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)

    # What is seen

    def snapshot(self, names: Collection[str] | None = None) -> Snapshot:
        """What the engine would evaluate: everything, or these refs and those that share a commit with them."""
        live = self._closure(self.refs if names is None else names)
        snapshot = Snapshot(
            repository="owner/name",
            recipes=[self._recipe(recipe) for recipe in self.declaration.recipes],
            refs=live,
            inputs=dict(self.inputs),
            active=self._active(live),
            policy=self.declaration.policy,
        )
        wanted = set(build(snapshot).fingerprints())
        return replace(snapshot, results={job.operation.fingerprint: _result(job) for job in self._newest(wanted)})

    def _closure(self, names: Iterable[str]) -> list[RefFact]:
        commits = {self.refs[name].commit for name in names if name in self.refs}
        return [ref for ref in self.refs.values() if ref.commit in commits]

    def _recipe(self, recipe: RecipeFact) -> RecipeFact:
        return replace(
            recipe,
            targets=[
                replace(target, services=[self._service(service) for service in target.services])
                for target in recipe.targets
            ],
        )

    def _service(self, service: ServiceFact) -> ServiceFact:
        running, digest = self.running.get(service.id, ""), self.digests.get(service.id, "")
        return replace(service, running=running, digest=digest, rollback=self.rollbacks.get(service.id))

    def _active(self, live: Iterable[RefFact]) -> list[ActiveJob]:
        commits, names = {ref.commit for ref in live}, {ref.ref for ref in live}
        everywhere = {ref.commit for ref in self.refs.values()}
        return [
            ActiveJob(
                job=job.id,
                fingerprint=job.operation.fingerprint,
                state=job.state,
                title=f"job {job.id}",
                exclusive=job.exclusive,
                service=job.operation.service if isinstance(job.operation, Deploy) else None,
            )
            for job in self.jobs
            if job.active
            and (
                job.operation.commit in commits
                or job.operation.commit not in everywhere
                or self._branch(job.operation) in names
            )
        ]

    def _newest(self, fingerprints: Collection[str]) -> list[Job]:
        newest = {job.operation.fingerprint: job for job in self.jobs}
        return [job for fingerprint, job in newest.items() if fingerprint in fingerprints]

    def newest(self, fingerprint: str) -> Job | None:
        return next(iter(self._newest({fingerprint})), None)

    def active_jobs(self) -> list[Job]:
        return [job for job in self.jobs if job.active]

    def _branch(self, operation: Operation) -> str | None:
        """The deployment branch that an operation works for."""
        if isinstance(operation, Deploy):
            target = self.declaration.services().get(operation.service)
        else:
            targets = {target.id: target for target in self.declaration.targets()}
            target = targets.get(operation.target) if operation.target is not None else None
        return target.ref if target else None

    # What happens outside

    def push(self, name: str, commit: str, *, trusted: bool = True) -> None:
        """A ref appears, moves on, or is moved back."""
        old = self.refs.get(name)
        kind = RefKind.BRANCH if name.startswith("refs/heads/") else RefKind.PULL_REQUEST
        self.refs[name] = RefFact(id=len(self.pushes), ref=name, kind=kind, commit=commit, trusted=trusted)
        self.pushes[name] = self.pushes.get(name, 0) + 1
        self.stale.add(name)
        if old:
            self._touch_commit(old.commit)

    def drop(self, name: str) -> None:
        """A ref goes."""
        old = self.refs.pop(name, None)
        if old:
            self._touch_commit(old.commit)

    def move_input(self, name: str, value: str) -> None:
        self.inputs[name] = value
        self.stale |= self.refs.keys()

    def declare(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.stale |= self.refs.keys()

    def ways_back(self) -> list[tuple[int, str]]:
        """The rollbacks that a person may ask for: as `core.services.requests.roll_back` allows them."""
        return [
            (service, release)
            for service, target in self.declaration.services().items()
            for release, publish in self.published.items()
            if publish.target == target.id
            and target.ref in self.refs
            and self.refs[target.ref].commit != publish.commit
        ]

    def roll_back(self, service: int, release: str) -> None:
        """A person asks for an older release."""
        target = self.declaration.services()[service]
        self.asked += 1
        self.rollbacks[service] = RollbackFact(id=self.asked, away_from=self.refs[target.ref].commit, release=release)
        self.stale.add(target.ref)

    def lift(self, service: int) -> None:
        """A person lifts a rollback."""
        del self.rollbacks[service]
        if target := self.declaration.services().get(service):
            self.stale |= {target.ref} & self.refs.keys()

    # What the jobs do

    def claim(self, job: Job) -> None:
        self._move(job, JobState.RUNNING, Actor.RUNNER)
        job.value = self._made_by(job)

    def _made_by(self, job: Job) -> str:
        """What a job makes: a publication, of the newest builds that succeeded, as `core.engine.execute` has it."""
        if isinstance(job.operation, Publish):
            made = [self.newest_value(build) for build in job.operation.builds.values()]
            return f"index of {sorted(made)}"
        reproducible = isinstance(job.operation, Build) and job.operation.platform == "linux/arm64"
        return f"made of {job.operation.fingerprint}" if reproducible else f"made by job {job.id}"

    def newest_value(self, fingerprint: str) -> str:
        jobs = [job for job in self.jobs if job.operation.fingerprint == fingerprint]
        return next(job.value for job in reversed(jobs) if job.state is JobState.SUCCEEDED)

    def end(self, job: Job, state: JobState) -> None:
        """A job that runs ends; what its success makes true is true from then on."""
        self._move(job, state, Actor.RUNNER)
        if state is not JobState.SUCCEEDED:
            return
        if isinstance(job.operation, Publish):
            self.published[job.operation.fingerprint] = job.operation
            self.released[job.operation.fingerprint] = job.value
            self.tags.append(Tag(job.operation.target, job.head))
        elif isinstance(job.operation, Deploy):
            self.running[job.operation.service] = job.operation.release
            self.digests[job.operation.service] = job.digest
            head = None if job.operation.rollback else job.head
            branch = self._branch(job.operation) or ""
            self.moves.append(Move(job.operation.service, branch, head, job.operation.release))

    def put_back(self, job: Job) -> None:
        """A job that runs is queued again: its runner was lost, or something may pass. Unless its end was asked for."""
        self._move(job, JobState.CANCELLED if job.cancel_asked else JobState.QUEUED, Actor.RUNNER)

    def cancel(self, job: Job) -> None:
        """A person cancels a job."""
        job.by_person = True
        self._cancel(job, Actor.PERSON)

    def again(self, job: Job) -> None:
        """A person asks for an operation again; refused as `core.services.requests.again` refuses it."""
        if not any(other.exclusive == job.exclusive for other in self.active_jobs()) and self._current(job):
            self._queue(job.operation)
            self._touch_commit(job.operation.commit)

    def _current(self, job: Job) -> bool:
        """Whether it is a build, or still of its branch's head; and if it is a deployment, the newest of its service."""
        if isinstance(job.operation, Build):
            return True
        head = self.refs.get(self._branch(job.operation) or "")
        if head is None or head.commit != job.operation.commit:
            return False
        newest = [other.operation for other in self.jobs if other.exclusive == job.exclusive][-1]
        return not isinstance(newest, Deploy) or newest.release == getattr(job.operation, "release", "")

    def _cancel(self, job: Job, actor: Actor) -> None:
        job.cancel_asked = True
        if job.state is JobState.QUEUED:
            self._move(job, JobState.CANCELLED, actor)

    def _move(self, job: Job, state: JobState, actor: Actor) -> None:
        JOB.check(job.state, state, actor)
        job.state = state
        if state is not JobState.RUNNING:
            self._touch_commit(job.operation.commit)
            branch = self._branch(job.operation)
            self.stale |= {branch} & self.refs.keys() if branch else set()

    def _touch_commit(self, commit: str) -> None:
        self.stale |= {ref.ref for ref in self.refs.values() if ref.commit == commit}

    def _queue(self, operation: Operation) -> None:
        branch = self._branch(operation)
        digest = self.released[operation.release] if isinstance(operation, Deploy) else ""
        job = Job(len(self.jobs) + 1, operation, head=self.pushes.get(branch, 0) if branch else 0, digest=digest)
        taken = [other.id for other in self.active_jobs() if other.exclusive == job.exclusive]
        assert not taken, f"{operation} was started beside job {taken[0]}"
        self.jobs.append(job)

    # The engine

    def look(self, names: Collection[str] | None = None) -> Evaluation:
        """Evaluate and do what follows, in one go. Without names: what has to be evaluated again."""
        names = set(self.stale) if names is None else set(names)
        evaluation = evaluate(self.snapshot(names))
        self.stale -= names
        self.apply(evaluation)
        return evaluation

    def look_at_everything(self) -> Evaluation:
        return self.look(list(self.refs))

    def apply(self, evaluation: Evaluation) -> None:
        jobs = {job.id: job for job in self.jobs}
        for cancel in evaluation.cancel:
            if jobs[cancel.job].active and not jobs[cancel.job].cancel_asked:
                self._cancel(jobs[cancel.job], Actor.RECONCILE)
        for operation in evaluation.start:
            self.started.append(self._start(operation))
            self._queue(operation)

    def _start(self, operation: Operation) -> Start:
        """What can be said of an operation before it is started; of several jobs of one operation the newest counts."""
        before = self.newest(operation.fingerprint)
        needed = [self.newest(fingerprint) for fingerprint in self._needs(operation)]
        return Start(
            operation,
            _result(before) if before else None,
            needed=[job.state if job else None for job in needed],
            remade=any(job and before and job.id > before.id for job in needed),
            changes=not (isinstance(operation, Deploy) and self.runs(operation.service, operation.release)),
            ahead=[self.is_moved(each, operation) for each in self.ahead(operation)],
        )

    def _needs(self, operation: Operation) -> list[str]:
        """The operations that have to be done before one."""
        if isinstance(operation, Publish):
            return list(operation.builds.values())
        if isinstance(operation, Deploy) and operation.release in self.published:
            return [operation.release, *self.published[operation.release].builds.values()]
        return [operation.release] if isinstance(operation, Deploy) else []

    def ahead(self, operation: Operation) -> list[int]:
        """The services that have to be moved before a deployment that is no rollback."""
        if not isinstance(operation, Deploy) or operation.rollback:
            return []
        target = self.declaration.services()[operation.service]
        ids = [service.id for service in target.services]
        place = ids.index(operation.service)
        return {Rollout.TOGETHER: [], Rollout.IN_ORDER: ids[:place], Rollout.CANARY: ids[:1] if place else []}[
            target.rollout
        ]

    def is_moved(self, service: int, behind: Operation) -> bool:
        """Whether a service was moved to the release that one behind it is to follow to, and not taken back since."""
        assert isinstance(behind, Deploy)
        rollback = self.rollbacks.get(service)
        own = self.newest(replace(behind, service=service).fingerprint)
        is_done = own is not None and own.state is JobState.SUCCEEDED and self.runs(service, behind.release)
        return is_done and not (rollback and rollback.away_from == behind.commit)

    def runs(self, service: int, release: str) -> bool:
        """Whether a service was moved to a release last, as it was published last."""
        is_newest = self.digests.get(service) == self.released.get(release)
        return self.running.get(service) == release and is_newest

    def work(self, fate: Fate) -> None:
        """Runners take up all that waits, and end all that ran before."""
        for job in self.active_jobs():
            if job.state is JobState.QUEUED:
                self.claim(job)
            elif job.cancel_asked:
                self.end(job, JobState.CANCELLED)
            else:
                self.end(job, fate(job.operation))

    def settle(self, fate: Fate, *, rounds: int = 40) -> None:
        """Let everything go on until nothing is left to do.

        :raises AssertionError: it does not come to rest.
        """
        for _ in range(rounds):
            self.look()
            if not self.stale and not self.active_jobs():
                return
            self.work(fate)
        raise AssertionError(f"still at work after {rounds} rounds: {self.active_jobs()}")


def _result(job: Job) -> Result:
    value = job.value if job.state is JobState.SUCCEEDED else ""
    return Result(job=job.id, state=job.state, value=value, by_person=job.by_person)
