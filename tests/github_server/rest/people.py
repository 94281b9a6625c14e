"""Who somebody is, and to which organisations and teams they belong."""

from __future__ import annotations

import zlib
from typing import Any

from tests.github_server.accounts import Person
from tests.github_server.description import component, example
from tests.github_server.replies import Refusal
from tests.github_server.rest.call import Answer, Call, on

#: Scopes by which organisations are told ("Scopes for OAuth apps": `user` for the list, `read:org` for all of them).
_ORGANIZATIONS = ("read:org", "write:org", "admin:org")


def _person(call: Call) -> Person:
    return call.state.person(call.as_person().login)


@on("users/get-authenticated")
def _user(call: Call) -> Answer:
    person = _person(call)
    body: dict[str, Any] = {**example(call.operation), "login": person.login, "id": person.id, "name": person.name}
    body |= {"email": person.email, "html_url": f"{call.url.removesuffix('/api/v3')}/{person.login}"}
    if call.as_person().has_scope("user"):
        return 200, {**body, "user_view_type": "private"}
    private = ("two_factor_authentication", "business_plus", "ldap_dn")
    return 200, {**{name: each for name, each in body.items() if name not in private}, "user_view_type": "public"}


@on("users/list-emails-for-authenticated-user")
def _emails(call: Call) -> Answer:
    person = _person(call)
    if not call.as_person().has_scope("user", "user:email"):
        raise Refusal(404, "Not Found")
    address = person.email or f"{person.id}+{person.login}@users.noreply.github.com"
    seen = "public" if person.email else "private"
    return 200, [{"email": address, "primary": True, "verified": True, "visibility": seen}]


@on("orgs/list-for-authenticated-user")
def _organizations(call: Call) -> Answer:
    person = _person(call)
    if not call.as_person().has_scope("user", *_ORGANIZATIONS):
        raise Refusal(403, "You need at least read:org scope or user scope to list your organizations.")
    active = [name for name, state in person.organizations.items() if state == "active"]
    return 200, call.page([_organization(call, each) for each in sorted(active)])


@on("orgs/list-memberships-for-authenticated-user")
def _memberships(call: Call) -> Answer:
    person = _person(call)
    if not call.as_person().has_scope(*_ORGANIZATIONS):
        raise Refusal(403, "You need at least read:org scope to list your organization memberships.")
    wanted = call.query.get("state")
    example_of_one = example(call.operation)[0]
    rows = [
        {
            **example_of_one,
            "state": state,
            "role": "member",
            "user": {**example_of_one["user"], "login": person.login, "id": person.id},
            "organization": _organization(call, name),
            "organization_url": f"{call.url}/orgs/{name}",
            "url": f"{call.url}/orgs/{name}/memberships/{person.login}",
        }
        for name, state in sorted(person.organizations.items())
        if wanted in (None, state)
    ]
    return 200, call.page(rows)


@on("teams/list-for-authenticated-user")
def _teams(call: Call) -> Answer:
    person = _person(call)
    if not call.as_person().has_scope("user", "repo", *_ORGANIZATIONS):
        raise Refusal(404, "Not Found")
    active = {name.lower() for name, state in person.organizations.items() if state == "active"}
    rows = [
        _team(call, organization, slug)
        for organization, _, slug in (team.partition("/") for team in sorted(person.teams))
        if organization.lower() in active
    ]
    return 200, call.page(rows)


def _team(call: Call, organization: str, slug: str) -> dict[str, Any]:
    team: dict[str, Any] = example(call.operation)[0]
    team |= {"name": slug.capitalize(), "slug": slug, "type": "organization", "id": _number(f"{organization}/{slug}")}
    team["organization"] = {
        **component("organization-full"),
        **_organization(call, organization),
        "archived_at": None,
    }
    return team


def _organization(call: Call, name: str) -> dict[str, Any]:
    url = f"{call.url}/orgs/{name}"
    return {**component("organization-simple-items")[0], "login": name, "id": _number(name), "url": url}


def _number(name: str) -> int:
    """A number that is always the same for a name."""
    return zlib.crc32(name.lower().encode()) % 10_000_000
