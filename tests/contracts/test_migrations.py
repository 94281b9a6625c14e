"""Every migration is one that the version before it can live with: it adds; what takes away says since when nothing uses it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import base
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.fields import NOT_PROVIDED

from core import schema
from core.schema import Minimum

ROOT = Path(__file__).parents[2]
#: The last migration of before there was a former version to live with.
FIRST = "0009_commit_hash"

#: What changes no column that somebody reads or writes, or only adds what nobody has to know.
_FREE = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    Minimum,
)
#: What runs code of its own: it has to say why the former version can live with what that does.
_OWN = (migrations.RunPython, migrations.RunSQL)
_SAID = re.compile(r"# the former version lives with it: \S.+")
#: What takes away or narrows: the code has to have stopped using it in a release before.
_CONTRACT = re.compile(r"# contract step of \S.*: unused since \d+\.\d+")


def faults(operations: Any, state: ProjectState, app: str, source: str) -> Iterator[str]:
    """What a former version could not live with.

    :param state: of the models before; it is moved on.
    """
    first = state.clone()
    mine = {each.name_lower for each in operations if isinstance(each, migrations.CreateModel)}
    for operation in operations:
        before = state.clone()
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from faults(operation.database_operations, before, app, source)
        elif getattr(operation, "model_name_lower", "") not in mine and not _is_wider(
            operation, first, app, operations
        ):
            yield from _faults(operation, before, app, source, operations)
        operation.state_forwards(app, state)


def _faults(operation: base.Operation, before: ProjectState, app: str, source: str, all_: Any) -> Iterator[str]:
    what = operation.describe()
    if isinstance(operation, _FREE):
        return
    if isinstance(operation, migrations.AddField):
        if not _may_be_left_out(operation.field):
            yield f"{what}: a former version writes rows without it. Let it be null, or give it a `db_default`"
    elif isinstance(operation, migrations.AlterField) and _same_column(operation, before, app):
        return
    elif isinstance(operation, _OWN):
        if not _SAID.search(source):
            yield f"{what}: say why in a comment: `# the former version lives with it: …`"
    elif not _CONTRACT.search(source):
        yield f"{what}: a former version still uses it. Later: `# contract step of …: unused since 0.0`"
    elif not any(isinstance(each, Minimum) for each in all_):
        yield f"{what}: code that is too old has to be refused: core.schema.Minimum"


def _may_be_left_out(field: Any) -> bool:
    return field.null or field.many_to_many or field.db_default is not NOT_PROVIDED


def _same_column(operation: migrations.AlterField, before: ProjectState, app: str) -> bool:
    old = before.models[app, operation.model_name_lower].get_field(operation.name)
    return _column(old) == _column(operation.field)


def _is_wider(operation: base.Operation, first: ProjectState, app: str, all_: Any) -> bool:
    """Whether it takes the place of a constraint that lets nothing through that it would not."""
    if not isinstance(operation, migrations.AddConstraint) or not isinstance(
        operation.constraint, models.UniqueConstraint
    ):
        return False
    removed = {each.name for each in all_ if isinstance(each, migrations.RemoveConstraint)}
    return any(
        isinstance(old, models.UniqueConstraint)
        and old.name in removed
        and old.condition == operation.constraint.condition
        and set(old.fields) <= set(operation.constraint.fields)
        for old in first.models[app, operation.model_name_lower].options.get("constraints", ())
    )


def _column(field: Any) -> Any:
    _, path, positional, named = field.deconstruct()
    return path, positional, {name: value for name, value in named.items() if name not in field.non_db_attrs}


def later() -> list[Any]:
    """The migrations of this project after the first version, with the state before each."""
    loader = MigrationLoader(None)
    found = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        path = Path(inspect.getfile(type(migration)))
        if not path.is_relative_to(ROOT) or ".venv" in path.parts:
            continue
        if app != "core" or name > FIRST:
            found.append(pytest.param(loader, app, name, path, id=f"{app}.{name}"))
    return found


@pytest.mark.parametrize(("loader", "app", "name", "path"), later())
def test_the_version_before_can_live_with_it(loader: MigrationLoader, app: str, name: str, path: Path) -> None:
    # Within one plan: the state just before it.
    plan = loader.graph.forwards_plan((app, name))[:-1]
    state = ProjectState()
    for each in plan:
        loader.graph.nodes[each].mutate_state(state, preserve=False)
    told = list(faults(loader.disk_migrations[app, name].operations, state, app, path.read_text()))
    assert not told, "\n".join(told)


STATE = ModelState(
    "core", "Thing", [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=9))]
)
UNIQUE = models.UniqueConstraint(fields=["name"], name="one")
CONTRACT = "# contract step of Thing.name: unused since 0.3\n"


@pytest.mark.parametrize(
    ("operation", "source", "words"),
    [
        (migrations.AddField("thing", "size", models.IntegerField(default=0)), "", "writes rows without it"),
        (migrations.AddField("thing", "size", models.IntegerField(null=True)), "", ""),
        (migrations.AddField("thing", "size", models.IntegerField(db_default=0)), "", ""),
        (migrations.AlterField("thing", "name", models.CharField(max_length=9, help_text="new")), "", ""),
        (migrations.AlterField("thing", "name", models.CharField(max_length=4)), "", "still uses it"),
        (migrations.RemoveField("thing", "name"), "", "still uses it"),
        (migrations.RemoveField("thing", "name"), CONTRACT, "has to be refused"),
        (migrations.RenameField("thing", "name", "title"), "# contract step", "still uses it"),
        (migrations.DeleteModel("thing"), "", "still uses it"),
        (migrations.AddConstraint("thing", UNIQUE), "", "still uses it"),
        (migrations.RunPython(migrations.RunPython.noop), "", "say why"),
        (migrations.RunPython(migrations.RunPython.noop), "# the former version lives with it: no change", ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, base.Operation) else None,
)
def test_what_it_could_not_live_with_is_found(operation: base.Operation, source: str, words: str) -> None:
    state = ProjectState()
    state.add_model(STATE.clone())
    told = "\n".join(faults([operation], state, "core", source))
    assert (words in told) if words else not told


def test_a_constraint_may_take_the_place_of_a_narrower_one() -> None:
    state = ProjectState()
    state.add_model(STATE.clone())
    old, new = UNIQUE, models.UniqueConstraint(fields=["name", "id"], name="two")
    state.add_constraint("core", "thing", old)
    wider = [migrations.RemoveConstraint("thing", "one"), migrations.AddConstraint("thing", new)]
    assert not list(faults(wider, state.clone(), "core", ""))
    kept = [migrations.AddConstraint("thing", new)]
    assert list(faults(kept, state, "core", ""))


def test_a_contract_step_that_refuses_older_code_is_let_through() -> None:
    state = ProjectState()
    state.add_model(STATE.clone())
    operations = [Minimum(17, because="things have no name"), migrations.RemoveField("thing", "name")]
    assert not list(faults(operations, state, "core", CONTRACT))


@pytest.mark.django_db(transaction=True)
def test_the_contract_step_raises_what_code_has_to_know() -> None:
    from core.models import Schema

    step = Minimum(schema.known(), because="things have no name")
    state = MigrationLoader(None).project_state()
    for _ in range(2):
        with connection.schema_editor() as editor:
            step.database_forwards("core", editor, state, state)
    row = Schema.objects.get()
    assert (row.minimum, row.because) == (schema.known(), "things have no name")
    assert "Code has to know migration" in step.describe()
    assert step.deconstruct() == ("Minimum", [schema.known(), "things have no name"], {})
