"""What somebody has typed so far, kept in the session as it was typed, and the rows that it makes. Nothing is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.forms import ModelChoiceField, modelform_factory
from django.http import QueryDict

from core.admin.forms import DeclaredForm
from core.admin.recipes import RecipeForm
from core.admin.repositories import RepositoryForm
from core.admin.services import ServiceForm
from core.admin.targets import TargetForm
from core.models import Declared, Flavour, Recipe, Repository, Service, Target

_KEY = "guided"
#: What a browser sends beside the fields.
_BESIDE = ("csrfmiddlewaretoken", "go")


@dataclass(frozen=True)
class Kind:
    """One step: what is declared in it, the usual fields, and those that few people change."""

    name: str
    model: type[Declared]
    form: type[DeclaredForm]
    usual: tuple[str, ...]
    more: tuple[str, ...]
    about: str


KINDS = (
    Kind(
        "repository", Repository, RepositoryForm, ("flavour", "name", "source", "options"), ("poll", "check_refs"),
        "Where the code is.",
    ),
    Kind(
        "recipe", Recipe, RecipeForm, ("name", "builder", "platforms", "options"), ("args", "timeout", "recheck"),
        "How a commit becomes an image.",
    ),
    Kind(
        "target", Target, TargetForm, ("branch", "image"), ("rollout", "soak"),
        "Which branch is deployed, and the name that its image is published under.",
    ),
    Kind(
        "service", Service, ServiceForm, ("name", "host", "deployer", "options", "uri"),
        ("health_check", "soak", "drift_policy", "gates", "before", "after", "notifiers", "position"),
        "What runs it, and where.",
    ),
)  # fmt: skip
NAMES = tuple(kind.name for kind in KINDS)


@dataclass
class Step:
    """A step as it stands.

    :param form: the form of a new row; None where one that is there was chosen.
    :param choices: the rows that are there already and may be chosen instead.
    :param row: what comes of it; None while something is missing or wrong.
    """

    kind: Kind
    form: DeclaredForm | None
    choices: Sequence[Declared]
    chosen: Declared | None
    row: Declared | None
    typed: bool

    @property
    def name(self) -> str:
        return self.kind.name


class Draft:
    """All steps of one person's draft."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._kept: dict[str, str] = session.get(_KEY, {})

    def keep(self, name: str, typed: QueryDict) -> None:
        """Keep what was typed in a step, right or wrong."""
        copy = typed.copy()
        for each in _BESIDE:
            copy.pop(each, None)
        self._session[_KEY] = self._kept = {**self._kept, name: copy.urlencode()}
        self.__dict__.pop("steps", None)

    def begin(self, existing: Mapping[str, Any]) -> None:
        """Begin anew, perhaps with something that is there already.

        :param existing: by step, the key of the row to use.
        """
        self._session[_KEY] = self._kept = {name: f"existing={key}" for name, key in existing.items()}
        self.__dict__.pop("steps", None)

    @property
    def is_empty(self) -> bool:
        return not self._kept

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Every step up to the first that is not complete, and that one."""
        found: dict[str, Step] = {}
        parent: Declared | None = None
        for kind in KINDS:
            step = self._step(kind, parent, found)
            found[kind.name] = step
            if step.row is None:
                break
            parent = step.row
        return found

    @property
    def rows(self) -> list[Declared]:
        """What is complete, from the repository on."""
        return [step.row for step in self.steps.values() if step.row is not None]

    @property
    def is_complete(self) -> bool:
        return len(self.rows) == len(KINDS)

    def _step(self, kind: Kind, parent: Declared | None, before: Mapping[str, Step]) -> Step:
        typed = QueryDict(self._kept[kind.name]) if kind.name in self._kept else None
        choices = _choices(kind, parent)
        chosen = next((row for row in choices if typed and str(row.pk) == typed.get("existing")), None)
        if chosen is not None:
            return Step(kind, None, choices, chosen, chosen, typed=True)
        form = _form(kind, parent, typed, before)
        complete = typed is not None and form.is_valid()
        return Step(kind, form, choices, None, form.instance if complete else None, typed=typed is not None)


def _choices(kind: Kind, parent: Declared | None) -> Sequence[Declared]:
    if kind.model is Service:
        return []
    if kind.model is Repository:
        return list(Repository.objects.filter(retired_at=None).select_related("flavour"))
    rows = kind.model._default_manager.filter(retired_at=None)
    if parent is None or parent.pk is None:
        return []
    return list(rows.filter(**{_parent_name(kind): parent}))


def _parent_name(kind: Kind) -> str:
    return NAMES[NAMES.index(kind.name) - 1]


def _form(kind: Kind, parent: Declared | None, typed: QueryDict | None, before: Mapping[str, Step]) -> DeclaredForm:
    made = modelform_factory(kind.model, form=kind.form, fields=(*kind.usual, *kind.more))
    instance = kind.model(**({_parent_name(kind): parent} if parent is not None else {}))
    form = made(typed, instance=instance, initial=_suggested(kind, before))
    assert isinstance(form, DeclaredForm)
    match form.fields.get("flavour"):
        case ModelChoiceField() as field:
            field.queryset = Flavour.objects.filter(retired_at=None)
    return form


def _suggested(kind: Kind, before: Mapping[str, Step]) -> dict[str, Any]:
    """What most people would write, from what they wrote before."""
    repository = before["repository"].row if "repository" in before else None
    if not isinstance(repository, Repository):
        flavours = list(Flavour.objects.filter(retired_at=None)[:2])
        return {"flavour": flavours[0].pk} if len(flavours) == 1 else {}
    short = repository.name.rpartition("/")[2]
    match kind.name:
        case "recipe":
            return {"name": "web"}
        case "target":
            branch = repository.default_branch or "main"
            return {"branch": branch, "image": f"{repository.name.lower()}:{branch.replace('/', '-').lower()}"}
        case _:
            return {"name": short}
