"""The screens of flavours and inputs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Activity, Flavour, Input
from core.states import Level
from tests import factories
from tests.core.admin.pages import faults

pytestmark = pytest.mark.django_db


def test_a_flavour_is_added(boss):
    answer = boss.add(
        "flavour",
        name="acme",
        base_url="https://deploy.acme.example",
        admins="anna, github:bert\ncarl",
        builders="github:acme/ops",
        viewers="github:acme",
        notifiers='[["dummy", {"channel": "#ops"}]]',
        threshold=Level.DANGEROUS.value,
    )
    assert answer.status_code == 302, faults(answer)
    row = Flavour.objects.get()
    assert row.admins == ["anna", "github:bert", "carl"]
    assert (row.builders, row.viewers) == (["github:acme/ops"], ["github:acme"])
    assert row.notifiers == [["dummy", {"channel": "#ops"}]]
    assert row.threshold_now is Level.DANGEROUS


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        pytest.param({"name": "a b"}, "name", "valid", id="a name with a space"),
        pytest.param({"name": "-x"}, "name", "letters, digits", id="a name that looks like an option"),
        pytest.param({"gates": '[["dumy", {}]]'}, "gates", "did you mean 'dummy'?", id="an unknown gate"),
        pytest.param({"gates": '[["dummy", {"nam": ""}]]'}, "gates", "did you mean 'name'?", id="a gate's option"),
        pytest.param({"notifiers": '[["dumy", {}]]'}, "notifiers", "did you mean 'dummy'?", id="an unknown notifier"),
        pytest.param(
            {"notifiers": '[["dummy", {"chanel": "x"}]]'}, "notifiers", "did you mean 'channel'?", id="option"
        ),
        pytest.param({"notifiers": '{"dummy": {}}'}, "notifiers", "a list of pairs", id="no list"),
        pytest.param({"notifiers": '[["dummy"]]'}, "notifiers", "a list of pairs", id="no pair"),
        pytest.param({"base_url": "ftp://acme.example"}, "base_url", "it begins with `https://`", id="another scheme"),
        pytest.param({"builders": "gihub:anna"}, "builders", "did you mean 'github'?", id="an unknown kind of account"),
        pytest.param({"viewers": "github:acme/"}, "viewers", "github:organisation/team", id="a team without a name"),
        pytest.param({"admins": "a\0b"}, "admins", "NUL", id="a NUL in a name"),
    ],
)
def test_what_a_flavour_file_could_not_say_is_refused_on_its_field(values, field, said, boss):
    found = faults(boss.add("flavour", **{"name": "acme", **values}))
    assert list(found) == [field]
    assert said in " ".join(found[field])


def test_a_threshold_is_set_and_recorded(boss):
    flavour = factories.make_flavour("acme")
    boss.change(flavour, threshold=Level.AVERAGE.value)
    flavour.refresh_from_db()
    assert flavour.threshold_now is Level.AVERAGE
    assert Activity.objects.get().reason == "threshold: None → average"


def test_retiring_a_flavour_retires_all_of_it(boss):
    service = factories.make_service()
    flavour = service.target.recipe.repository.flavour
    boss.act("retire", flavour)
    service.refresh_from_db()
    assert service.retired_at


def test_an_input_is_added_and_read_at_once(boss):
    flavour = factories.make_flavour("acme")
    assert boss.add("input", flavour=flavour.pk, name="opam", reader="dummy", validity=60).status_code == 302
    row = Input.objects.get()
    assert (row.reader, row.validity) == ("dummy", 60)
    assert row.next_read_at <= timezone.now()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"reader": "dumm"}, "reader"),
        ({"options": '{"x": 1}'}, "options"),
        ({"validity": 0}, "validity"),
    ],
)
def test_a_wrong_input_is_refused_on_its_field(values, field, boss):
    flavour = factories.make_flavour("acme")
    right = {"flavour": flavour.pk, "name": "opam", "reader": "dummy"}
    assert list(faults(boss.add("input", **{**right, **values}))) == [field]


def test_an_input_is_read_when_somebody_asks(boss):
    input = factories.make_input("opam", next_read_at=timezone.now() + timedelta(hours=1))
    boss.act("read", input)
    input.refresh_from_db()
    assert input.next_read_at <= timezone.now()
