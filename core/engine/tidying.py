"""Removing what nobody needs any more: what may go is decided purely, a few hundred jobs at a time, and done at once.

Killed at any moment it is simply begun again: what was removed is not there any more to be decided about.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.db.models import Q

from core import clock, configuration, secrets
from core.engine.looks import InDatabase, said
from core.errors import ConfigurationError, DeployerError, OperationError
from core.interfaces import Builder
from core.logs import places
from core.logs.store import LogStore
from core.models import Flavour, Recipe, Release, Repository, Service, Tidying
from core.operation_values import Context
from core.pipeline.retention import Facts, Going, may_go
from core.plugins import plugins
from core.queries import retention
from core.services import tidyings
from core.services.places import options_of
from core.tidying import Freed, TidyRequest
from core.values import Commit
from core.values import Release as Published

logger = logging.getLogger(__name__)

#: Seconds that a plugin is given for one recipe.
_PATIENCE = 600


async def carry_out(row: Tidying, in_database: InDatabase) -> None:
    """Tidy up as it was asked for, and write down what came of it."""
    round_ = Round(in_database, row=row.pk)
    try:
        await round_.run()
    except Exception as error:
        logger.exception("tidying up failed")
        round_.faults.append(said(error))
    removed, faults = dict(round_.removed), round_.faults
    await in_database(lambda: tidyings.finish(row.pk, removed, faults, clock.now()))


class Round:
    """One time of tidying up.

    :param row: the row that is kept up to date meanwhile, if any.
    :param dry: only find out what would go.
    :ivar removed: by kind, how many; under `bytes` how much room they took.
    """

    def __init__(self, in_database: InDatabase, *, row: int | None = None, dry: bool = False) -> None:
        self._in_database = in_database
        self._row = row
        self._dry = dry
        self._now = clock.now()
        self._logs = _Logs(places.store())
        self.removed: Counter[str] = Counter()
        self.faults: list[str] = []

    async def run(self) -> None:
        """Look at everything once."""
        for repository in await self._in_database(retention.repositories):
            await self._repository(repository)
        for flavour in await self._in_database(lambda: list(Flavour.objects.order_by("pk"))):
            await self._through(
                flavour,
                partial(retention.facts_of_inputs, flavour.pk, flavour.kept, now=self._now),
            )

    async def _repository(self, repository: Repository) -> None:
        kept = repository.flavour.kept
        images = await self._through(
            repository.flavour, lambda after: retention.facts_of(repository.pk, kept, after, self._now)
        )
        if images:
            await self._images(repository, images)
        if kept.builds is not None:
            unused = await self._in_database(partial(_unused_commits, repository.pk, kept.builds, self._now))
            forget = partial(len if self._dry else tidyings.forget_commits, unused)
            self.removed["commits"] += await self._in_database(forget)

    async def _through(self, flavour: Flavour, facts_after: Callable[[int], Facts]) -> set[int]:
        """Go through old jobs until there are no more; answer the releases whose images may go."""
        after, images = 0, set[int]()
        while True:
            facts: Facts = await self._in_database(partial(facts_after, after))
            going = may_go(facts, flavour.kept, self._now)
            if not after:
                images = set(going.images)
            await self._remove(flavour, going)
            if self._row:
                await self._in_database(partial(tidyings.go_on, self._row, dict(self.removed), clock.now()))
            if len(facts.jobs) < retention.BATCH:
                return images
            after = facts.jobs[-1].id

    async def _remove(self, flavour: Flavour, going: Going) -> None:
        names = await self._in_database(lambda: retention.logs_of([*going.logs, *going.jobs]))
        try:
            freed = await asyncio.to_thread(self._logs.remove, list(names.values()), dry=self._dry)
        except OperationError as error:
            # What is said of a log is true: neither does it go from a page before it is gone, nor its job's row.
            self._fault(str(error))
            return
        self.removed["bytes"] += freed
        if self._dry:
            self.removed.update(logs=len(names), jobs=len(going.jobs), refs=len(going.refs))
            return
        policy, now = retention.policy_of(flavour), self._now
        await self._in_database(lambda: tidyings.forget_logs(going.logs, policy, now))
        gone = await self._in_database(lambda: tidyings.forget_jobs(going.jobs))
        refs = await self._in_database(lambda: tidyings.forget_refs(going.refs, now))
        self.removed.update(logs=len(names), refs=refs, **gone)

    async def _images(self, repository: Repository, gone: set[int]) -> None:
        """Have the images of releases removed, by the builders that published them."""
        rows: list[Release] = await self._in_database(lambda: _releases(repository))
        for recipe in {row.target.recipe for row in rows if row.pk in gone}:
            of_recipe = [row for row in rows if row.target.recipe_id == recipe.pk]
            going = [row for row in of_recipe if row.pk in gone]
            kept = await self._in_database(partial(_run_or_kept, {row.digest for row in going}, gone))
            # One digest may be several releases: of a commit that changed nothing, or that was released twice.
            removable = [row for row in going if row.digest not in kept]
            others = [_published(row) for row in rows if row.pk not in gone]
            try:
                freed = await self._ask(recipe, [_published(row) for row in removable], others)
            except DeployerError as error:
                self._fault(f"{repository.name}: images of recipe {recipe.name!r}: {error}")
                continue
            except Exception as error:
                logger.exception("the builder of %s could not tidy up", recipe)
                self._fault(f"{repository.name}: images of recipe {recipe.name!r}: {said(error)}")
                continue
            if freed is not None:
                self.removed.update(images=freed.count, bytes=freed.bytes)
                if not self._dry:
                    await self._in_database(partial(tidyings.forget_images, [row.pk for row in going], self._now))

    async def _ask(self, recipe: Recipe, gone: list[Published], kept: list[Published]) -> Freed | None:
        try:
            builder = plugins.builder(recipe.builder)
        except ConfigurationError:
            return None
        if self._dry:
            offers = type(builder).tidy is not Builder.tidy
            return Freed(count=len(gone)) if offers else None
        request = TidyRequest(options=options_of(builder.Options, recipe.options), gone=gone, kept=kept)
        with tempfile.TemporaryDirectory(prefix="deployer-tidy-") as scratch:
            data = configuration.current().plugin_dir(recipe.builder)
            context = Context(log=_Journal(recipe.builder), scratch=Path(scratch), data=data)
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await builder.tidy(request, context)
            except TimeoutError:
                raise OperationError(f"it did not end in {_PATIENCE} s; it goes on the next time") from None

    def _fault(self, sentence: str) -> None:
        if sentence not in self.faults:
            self.faults.append(sentence)


class _Logs:
    """The bytes that logs take, asked for a day at a time, and their removal."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._sizes: dict[str, dict[str, int]] = {}

    def remove(self, names: list[str], *, dry: bool) -> int:
        """Remove logs; answer the bytes that they took."""
        freed = 0
        for name in names:
            day = name.rpartition("/")[0]
            if day not in self._sizes:
                # Jobs come in the order of their days.
                self._sizes = {day: self._store.stored(day)}
            freed += self._sizes[day].get(name, 0)
            if not dry:
                self._store.remove(name)
        return freed


class _Journal:
    """A log whose notes are the process's own messages: tidying up is no job."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def write(self, data: bytes) -> None:
        logger.debug("%s: %s", self._kind, data.decode(errors="replace").rstrip())

    def note(self, text: str) -> None:
        logger.info("%s: %s", self._kind, text)

    def redact(self, secret: str) -> None:
        """Secrets are replaced in all that a process says."""
        secrets.remember([secret])


def _releases(repository: Repository) -> list[Release]:
    rows = Release.objects.filter(target__recipe__repository=repository, image_removed_at=None).exclude(digest="")
    return list(rows.select_related("commit", "target__recipe").order_by("pk"))


def _unused_commits(repository: int, days: int, now: datetime) -> list[int]:
    meant = retention.meant_commits(repository, now)
    return tidyings.unused_commits(repository, meant, now - timedelta(days=days))


def _run_or_kept(digests: set[str], gone: set[int]) -> set[str]:
    """Those digests that a service runs, whoever moved it there, or that a release has that stays."""
    services = Service.objects.filter(retired_at=None)
    run = services.filter(Q(current_digest__in=digests) | Q(observed_digest__in=digests))
    others = Release.objects.filter(digest__in=digests, image_removed_at=None).exclude(pk__in=gone)
    seen = {each for pair in run.values_list("current_digest", "observed_digest") for each in pair}
    return digests & (seen | set(others.values_list("digest", flat=True)))


def _published(row: Release) -> Published:
    return Published(image=row.image, digest=row.digest, commit=Commit(hash=row.commit.hash))
