"""What is found out about a draft while it is typed: what the forms say, and what a runner answers to probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from core import clock, configuration
from core.admin.guided.draft import Draft, Step
from core.admin.option_forms import OptionsForm
from core.interfaces import Login
from core.models import Probe, Recipe, Repository, Service, Target
from core.plugins import plugins
from core.services import probes, runners
from core.states import RefKind
from core.values import Commit, Head, Heads, Options

#: What forms and pydantic say of what is empty: while somebody types, that is no fault.
_EMPTY = ("This field is required.", "Field required")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    :param mark: `ok`, `bad`, `wait` while it is being asked, or `note`.
    :param slot: the field that it is shown at.
    :param option: the option of the plugin that it is about, if it is one.
    """

    mark: str
    text: str
    slot: str
    option: str = ""

    @property
    def sign(self) -> str:
        return {"ok": "✓", "bad": "✗", "wait": "…"}.get(self.mark, "·")


class Findings:
    """Asks, for one person, what can be asked of a draft."""

    def __init__(self, draft: Draft, user: User) -> None:
        self._draft, self._user, self._now = draft, user, clock.now()
        lease = timedelta(seconds=configuration.current().lease_seconds)
        self._alive = runners.alive(self._now, lease) > 0

    def of(self, name: str) -> list[Finding]:
        """Everything about one step."""
        step = self._draft.steps.get(name)
        if step is None or not step.typed:
            return []
        if step.row is None:
            unfinished = step.form.instance if step.form else None
            early = self._of_repository(unfinished) if isinstance(unfinished, Repository) else ()
            return [*_faults(step), *early]
        match step.row:
            case Repository() as row:
                return list(self._of_repository(row))
            case Recipe() as row:
                return list(self._of_recipe(row))
            case Target() as row:
                return list(self._of_target(row))
            case Service() as row:
                return list(self._of_service(row))
            case _:
                return []

    def all(self) -> dict[str, list[Finding]]:
        """Everything about all steps."""
        return {name: found for name in self._draft.steps if (found := self.of(name))}

    def heads(self) -> Heads | None:
        """What the repository's source tells of it, once it was answered."""
        repository = self._row("repository")
        if not isinstance(repository, Repository):
            return None
        told = _answer(self._ask(self._heads_question(repository)))
        return _heads(told) if told else None

    # By what is declared

    def _of_repository(self, row: Repository) -> Iterator[Finding]:
        if row.source not in plugins.kinds("sources") or not _options_fit("sources", row.source, row.options):
            return
        option = _only_required("sources", row.source)
        probe = self._ask(self._heads_question(row))
        if failed := self._unanswered(probe, "options", option, "Asking for its branches"):
            yield failed
            return
        told = _answer(probe)
        if not told["count"]:
            yield Finding("note", "It is there, and has no branch yet: push one.", "options", option)
            return
        many = "1 branch or pull request" if told["count"] == 1 else f"{told['count']} branches and pull requests"
        default = f"; its default branch is {told['default_branch']}" if told["default_branch"] else ""
        yield Finding("ok", f"It is there: {many}{default}.", "options", option)
        if told["notice"]:
            yield Finding("note", told["notice"], "options", option)

    def _of_recipe(self, row: Recipe) -> Iterator[Finding]:
        question = {"ask": "build", "builder": row.builder, "options": row.options, "platforms": row.platforms}
        probe = self._ask(question)
        if failed := self._unanswered(probe, "platforms", "", "Asking where it would build"):
            yield failed
        else:
            for platform in _answer(probe)["unsupported"]:
                yield Finding("bad", f"Nothing here builds for {platform}: leave it out.", "platforms")
            places = sorted({place or "the runner's own host" for place in _answer(probe)["places"].values()})
            yield Finding("ok", f"It builds on {', '.join(places)}.", "platforms")
        yield from self._files(row)

    def _files(self, row: Recipe) -> Iterator[Finding]:
        repository = self._row("repository")
        builder = plugins.builders.get(row.builder)
        if builder is None or not isinstance(repository, Repository):
            return
        needed = builder.needs(builder.Options.model_validate(row.options))
        heads = self.heads()
        head = self._head(heads) if heads else None
        if not needed or heads is None:
            return
        if head is None:
            yield Finding("note", f"Whether {needed[0]} is there shows once the branch does.", "options")
            return
        question = {
            **self._heads_question(repository),
            "ask": "files",
            "branch": "",
            "commit": head.commit.hash,
            "builder": row.builder,
            "options": row.options,
        }
        probe = self._ask(question)
        if failed := self._unanswered(probe, "options", "", f"Looking for {', '.join(needed)}"):
            yield failed
            return
        for path, is_there in _answer(probe)["files"].items():
            option = _option_that_is(builder.Options, row.options, path)
            if is_there:
                yield Finding("ok", f"{path} is in {head.name} at {head.commit.short}.", "options", option)
            else:
                where = f"{head.name} at {head.commit.short}"
                yield Finding(
                    "bad", f"{path} is not in {where}: correct the path, or push it first.", "options", option
                )

    def _of_target(self, row: Target) -> Iterator[Finding]:
        repository = self._row("repository")
        assert isinstance(repository, Repository)
        probe = self._ask(self._heads_question(repository))
        if failed := self._unanswered(probe, "branch", "", "Asking for the branch"):
            yield failed
            return
        heads = _heads(_answer(probe))
        head = _branch(heads, row.branch)
        if head:
            yield Finding("ok", f"{row.branch} is at {head.commit.short}: {head.commit.title[:100]}", "branch")
            return
        names = ", ".join(head.name for head in heads.heads if head.kind is RefKind.BRANCH)[:200] or "none"
        yield Finding(
            "bad",
            f"There is no branch {row.branch}; there are: {names}. Correct it, or push it: it is deployed once it is there.",
            "branch",
        )

    def _of_service(self, row: Service) -> Iterator[Finding]:
        question = {
            "ask": "service",
            "deployer": row.deployer,
            "name": row.name,
            "host": row.host,
            "uri": row.uri,
            "options": row.options,
        }
        probe = self._ask(question)
        if failed := self._unanswered(probe, "host", "", f"Asking {row.host or 'the host'}"):
            yield failed
            return
        told = _answer(probe)
        detail = f" ({told['detail']})" if told["detail"] else ""
        yield Finding("ok", f"{row.host or 'This host'} answers.", "host")
        if told["digest"]:
            short = told["digest"].removeprefix("sha256:")[:12]
            text = f"It runs {short} now, {told['health']}{detail}: the first deployment moves it from there."
            yield Finding("note", text, "name")
        else:
            yield Finding("note", f"It runs no release yet{detail}: the first deployment starts it.", "name")

    # Asking

    def _ask(self, question: Mapping[str, Any]) -> Probe:
        return probes.ask(question, self._user, self._now)

    def _unanswered(self, probe: Probe, slot: str, option: str, asking: str) -> Finding | None:
        if probe.error:
            return Finding("bad", f"{probe.error}. It is asked again when you look again.", slot, option)
        if probe.answer is not None:
            return None
        if not self._alive:
            text = "No runner is alive, so nobody can look: start one with manage.py run_runner or run_pipeline."
            return Finding("bad", text, slot, option)
        if probe.asked_at < self._now - timedelta(seconds=probes.DEADLINE):
            return Finding("bad", "No runner answered in time. Look again, or save it unchecked.", slot, option)
        return Finding("wait", f"{asking} …", slot, option)

    def _row(self, name: str) -> Any:
        step = self._draft.steps.get(name)
        return step.row if step else None

    def _heads_question(self, row: Repository) -> dict[str, Any]:
        target = self._row("target")
        return {
            "ask": "heads",
            "source": row.source,
            "name": row.name or "draft/draft",
            "source_options": row.options,
            "branch": target.branch if target else "",
        }

    def _head(self, heads: Heads) -> Head | None:
        """Where the files are looked for: the target's branch; while that is not known the default one, or any."""
        if target := self._row("target"):
            return _branch(heads, target.branch)
        branches = (head for head in heads.heads if head.kind is RefKind.BRANCH)
        return _branch(heads, heads.default_branch) or next(branches, None)


def _answer(probe: Probe) -> dict[str, Any]:
    """What was answered; nothing while nothing was."""
    return probe.answer or {}


def _faults(step: Step) -> Iterator[Finding]:
    """What a form says of what was typed; what was not typed yet is no fault."""
    assert step.form is not None
    for field, faults in step.form.errors.as_data().items():
        of_options = getattr(step.form.fields.get(field), "widget", None)
        by_option = getattr(of_options, "faults", {})
        for option, texts in by_option.items():
            for text in texts:
                if text not in _EMPTY:
                    yield Finding("bad", text, "options", option)
        if by_option:
            continue
        for fault in faults:
            if fault.code != "required":
                yield Finding("bad", "; ".join(fault.messages), field)


def _options_fit(role: str, kind: str, options: Mapping[str, Any]) -> bool:
    try:
        _model(role, kind).model_validate(options)
    except ValueError:
        return False
    return True


def _model(role: str, kind: str) -> type[Options]:
    offer = plugins.kinds(role)[kind]
    assert not isinstance(offer, Login), "what is declared has options"
    return offer.Options


def _only_required(role: str, kind: str) -> str:
    """The one option that a kind cannot do without: as a rule it says where something is."""
    fields = OptionsForm(_model(role, kind)).fields
    required = [name for name, field in fields.items() if field.required]
    return required[0] if len(required) == 1 else ""


def _option_that_is(model: Any, options: Mapping[str, Any], value: str) -> str:
    given = model.model_validate(options)
    return next((name for name in model.model_fields if getattr(given, name) == value), "")


def _branch(heads: Heads, name: str) -> Head | None:
    return next((head for head in heads.heads if head.ref == f"refs/heads/{name}"), None)


def _heads(told: Mapping[str, Any]) -> Heads:
    heads = tuple(
        Head(
            ref=each["ref"],
            kind=RefKind(each["kind"]),
            trusted=each["trusted"],
            commit=Commit(hash=each["hash"], message=each["message"], author=each["author"]),
        )
        for each in told["heads"]
    )
    return Heads(heads=heads, default_branch=told["default_branch"])
