"""Who may do what in a flavour."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied

from core.models import Flavour
from core.queries import access
from core.states import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def flavour() -> Flavour:
    return Flavour.objects.create(name="acme", admins=["anna"])


def person(name: str, *groups: str, **fields: object) -> User:
    user = User.objects.create_user(name, **fields)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def test_everybody_may_look_and_no_more(flavour):
    assert access.role_of(AnonymousUser(), flavour) is Role.VIEWER
    assert access.role_of(person("guest"), flavour) is Role.VIEWER


def test_a_staff_member_without_a_role_is_a_viewer(flavour):
    assert access.role_of(person("staff", is_staff=True), flavour) is Role.VIEWER


def test_a_superuser_is_an_admin_of_every_flavour(flavour):
    assert access.role_of(person("root", is_superuser=True), flavour) is Role.ADMIN


def test_an_admin_of_a_flavour_is_not_one_of_another(flavour):
    anna = person("anna")
    assert access.role_of(anna, flavour) is Role.ADMIN
    assert access.role_of(anna, Flavour.objects.create(name="other")) is Role.VIEWER


def test_groups_give_a_role_in_every_flavour(flavour):
    assert access.role_of(person("b", access.BUILDERS), flavour) is Role.BUILDER
    assert access.role_of(person("a", access.ADMINS), flavour) is Role.ADMIN
    assert access.role_of(person("both", access.BUILDERS, access.ADMINS), flavour) is Role.ADMIN
    assert access.role_of(person("other", "something-else"), flavour) is Role.VIEWER


def test_somebody_who_was_deactivated_keeps_no_role(flavour):
    assert access.role_of(person("anna", is_active=False), flavour) is Role.VIEWER
    assert access.role_of(person("gone", is_active=False, is_superuser=True), flavour) is Role.VIEWER


def test_a_refusal_says_which_role_is_missing_and_who_gives_it(flavour):
    builder = person("b", access.BUILDERS)
    access.require(builder, flavour, Role.BUILDER)
    with pytest.raises(PermissionDenied, match=r"role admin in flavour acme.*deployer-admins"):
        access.require(builder, flavour, Role.ADMIN)


def test_asking_for_a_role_costs_one_query(flavour, django_assert_num_queries):
    builder = person("b", access.BUILDERS)
    with django_assert_num_queries(1):
        access.role_of(builder, flavour)
