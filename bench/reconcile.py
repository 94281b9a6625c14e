"""A look at a repository with 1,000 refs and 4 recipes: nothing changed, one ref changed, everything changed."""

from __future__ import annotations

from django.core.management import call_command
from django.utils import timezone

from bench.timing import median, tell
from core.engine.reconcile import reconcile
from core.models import Job, Ref, Repository
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import declarations, heads
from core.states import JobState, RefKind
from core.values import Commit, Head, Heads

REFS, RECIPES = 1000, 4


def make() -> Repository:
    """The repository, with every build done."""
    call_command("migrate", verbosity=0)
    recipes = [
        declaration.Recipe(f"recipe-{number}", Use("host", command=["true"]), platforms=["linux/amd64"])
        for number in range(RECIPES)
    ]
    source = Use("git", url="/nowhere")
    flavour = declaration.Flavour("bench", [declaration.Repository("acme/shop", source, recipes)])
    declarations.apply(flavour, "bench")
    repository = Repository.objects.get()
    look(repository, "a")
    settle(repository)
    return repository


def look(repository: Repository, letter: str, *, moved: range = range(REFS)) -> None:
    """Write a look down in which some branches have another head."""
    now = timezone.now()
    seen = tuple(
        Head(
            ref=f"refs/heads/branch-{number}",
            kind=RefKind.BRANCH,
            commit=Commit(hash=f"{letter if number in moved else 'a'}{number:039d}", message="m"),
            trusted=True,
        )
        for number in range(REFS)
    )
    heads.record(repository, Heads(heads=seen), now)


def settle(repository: Repository) -> None:
    """Reconcile until nothing is left, every job having succeeded."""
    while reconcile(repository.pk):
        pass
    Job.objects.active().update(state=JobState.SUCCEEDED)
    Ref.objects.update(version=1, reconciled_version=1)


def main() -> None:
    repository = make()
    print(f"  {Job.objects.count()} builds of {REFS} refs")

    def everything() -> None:
        Ref.objects.update(version=2, reconciled_version=1)
        while reconcile(repository.pk):
            pass

    def one() -> None:
        Ref.objects.filter(name="refs/heads/branch-500").update(version=2, reconciled_version=1)
        reconcile(repository.pk)

    letters = iter("bcdefghijklmnopqrstuvwxyz")

    def one_moved() -> None:
        reconcile(repository.pk)
        Job.objects.active().update(state=JobState.SUCCEEDED)

    all_refs = median(everything, times=3)
    tell("everything looked at again", all_refs)
    tell("nothing changed", median(lambda: reconcile(repository.pk)), all_refs, "everything")
    tell("one ref looked at again", median(one), all_refs, "everything")
    taken = []
    for letter in letters:
        look(repository, letter, moved=range(500, 501))
        taken.append(median(one_moved, times=1))
    tell("one ref moved: four builds queued", sorted(taken)[len(taken) // 2], all_refs, "everything")
