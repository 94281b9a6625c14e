"""Who may do what in a flavour."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from core.models import Flavour, Identity
from core.queries import access
from core.states import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def flavour() -> Flavour:
    return Flavour.objects.create(name="acme", admins=["anna"])


def elsewhere(login: str, *groups: str, name: str = "", subject: str = "", **fields: object) -> User:
    """Somebody who logged in by GitHub, at which the person is in these groups."""
    user = User.objects.create_user(name or f"github:{login}", **fields)
    subject = subject or str(user.pk)
    Identity.objects.create(user=user, provider="github", subject=subject, login=login, groups=list(groups))
    return user


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


# By names


@pytest.mark.parametrize("listed", ["github:anna", "GitHub:Anna", "github:ACME", "github:acme/ops", "GITHUB:Acme/Ops"])
def test_somebody_elsewhere_is_named_by_login_organisation_or_team_in_large_or_small_letters(listed):
    anna = elsewhere("anna", "github:acme", "github:acme/ops")
    for role, field in ((Role.ADMIN, "admins"), (Role.BUILDER, "builders"), (Role.VIEWER, "viewers")):
        assert access.role_of(anna, Flavour(name="x", **{field: [listed]})) is role


@pytest.mark.parametrize("listed", ["anna", "github:ann", "github:acme/op", "gitlab:anna", "github:acme/ops/x", ""])
def test_nobody_has_the_rights_of_somebody_with_another_name(listed):
    anna = elsewhere("anna", "github:acme", "github:acme/ops")
    assert access.role_of(anna, Flavour(name="x", admins=[listed])) is Role.VIEWER


def test_a_local_user_is_told_from_somebody_elsewhere_and_by_the_letters():
    anna = person("anna")
    for listed in ("github:anna", "Anna"):
        assert access.role_of(anna, Flavour(name="x", admins=[listed])) is Role.VIEWER
    assert access.role_of(anna, Flavour(name="x", builders=["anna"])) is Role.BUILDER


def test_the_highest_of_several_roles_counts():
    anna = elsewhere("anna", "github:acme")
    assert access.role_of(anna, Flavour(name="x", admins=["github:acme"], builders=["github:anna"])) is Role.ADMIN


def test_organisations_count_no_longer_than_a_session(settings):
    anna = elsewhere("anna", "github:acme")
    flavour = Flavour(name="x", builders=["github:acme"])
    assert access.role_of(anna, flavour) is Role.BUILDER
    Identity.objects.update(seen_at=timezone.now() - timedelta(hours=13))
    assert access.role_of(anna, flavour) is Role.VIEWER
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"login_hours": 24.0})
    assert access.role_of(anna, flavour) is Role.BUILDER


def test_who_was_renamed_is_known_by_both_names():
    anna = elsewhere("anna-b", name="github:anna")
    for listed in ("github:anna", "github:anna-b"):
        assert access.role_of(anna, Flavour(name="x", builders=[listed])) is Role.BUILDER


def test_who_took_a_login_over_has_none_of_the_rights_of_the_one_before():
    former, later = elsewhere("anna-b", name="github:anna"), elsewhere("anna", name="github:anna~7", subject="seven")
    flavour = Flavour(name="x", admins=["github:anna"])
    assert access.role_of(former, flavour) is Role.ADMIN
    assert access.role_of(later, flavour) is Role.VIEWER
    assert access.role_of(later, Flavour(name="x", builders=["github:anna~7"])) is Role.BUILDER


def test_a_login_with_an_underscore_stands_for_itself_alone():
    elsewhere("annaxb")
    renamed = elsewhere("anna_b", name="github:old")
    assert access.role_of(renamed, Flavour(name="x", builders=["github:anna_b"])) is Role.BUILDER


def test_a_refusal_names_the_person_as_the_flavour_would(flavour):
    with pytest.raises(PermissionDenied, match="name github:bob among its builders"):
        access.require(elsewhere("bob"), flavour, Role.BUILDER)


# Everywhere


def test_an_admin_of_all_flavours_is_one_everywhere_and_an_admin_of_one_is_not(flavour):
    anna = person("anna")
    assert access.is_admin_everywhere(anna)
    other = Flavour.objects.create(name="other", admins=["github:acme"])
    assert not access.is_admin_everywhere(anna)
    other.retired_at = timezone.now()
    other.save()
    assert access.is_admin_everywhere(anna)


def test_without_a_flavour_only_superusers_and_the_group_are_admins():
    assert not access.is_admin_everywhere(person("anna"))
    assert not access.is_admin_everywhere(AnonymousUser())
    assert access.is_admin_everywhere(person("root", is_superuser=True))
    assert access.is_admin_everywhere(person("a", access.ADMINS))


# Looking


def test_where_not_everybody_may_look_local_users_may_and_those_who_are_named(flavour):
    flavour.viewers = ["github:acme/readers"]
    flavour.save()
    assert access.may_look(person("local"))
    assert access.may_look(elsewhere("vera", "github:acme/readers"))
    assert not access.may_look(elsewhere("stranger", "github:other"))
    assert not access.may_look(AnonymousUser())


def test_whoever_was_deactivated_may_not_look(flavour):
    flavour.viewers = ["github:vera"]
    flavour.save()
    assert not access.may_look(elsewhere("vera", is_active=False))
    assert not access.may_look(person("local", is_active=False))


def test_a_flavour_that_was_retired_lets_nobody_look(flavour):
    flavour.viewers, flavour.retired_at = ["github:vera"], timezone.now()
    flavour.save()
    assert not access.may_look(elsewhere("vera"))


def test_a_group_of_the_deployers_own_lets_look():
    vera = elsewhere("vera")
    vera.groups.add(Group.objects.create(name=access.BUILDERS))
    assert access.may_look(vera)
