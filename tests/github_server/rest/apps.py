"""The app, its installations and their tokens, and what it was told by webhooks."""

from __future__ import annotations

from typing import Any

from tests.github_server.accounts import App, Installation
from tests.github_server.description import component, example
from tests.github_server.replies import Refusal
from tests.github_server.repositories import Repository
from tests.github_server.rest.call import Answer, Call, on, time
from tests.github_server.rest.repositories import shown
from tests.github_server.state import RANKS


@on("apps/get-authenticated")
def _app(call: Call) -> Answer:
    app = call.as_app()
    about = {"id": app.id, "slug": app.slug, "name": app.slug, "client_id": app.client_id}
    about |= {"permissions": app.permissions, "events": app.events, "installations_count": len(app.installations)}
    return 200, {**example(call.operation), **about}


@on("apps/list-installations")
def _installations(call: Call) -> Answer:
    app = call.as_app()
    return 200, call.page([_installed(call, app, each) for each in app.installations.values()])


@on("apps/get-installation")
def _by_number(call: Call) -> Answer:
    app, wanted = call.as_app(), int(call.path["installation_id"])
    return 200, _installed(call, app, _numbered(app, wanted))


@on("apps/get-repo-installation")
def _of_repository(call: Call) -> Answer:
    app, repository = call.as_app(), call.named()
    found = app.installations.get(repository.owner.lower())
    if found is None or (found.repositories is not None and repository.full_name.lower() not in found.repositories):
        raise Refusal(404, "Not Found")
    call.follow(repository)
    return 200, _installed(call, app, found)


@on("apps/get-org-installation")
def _of_organization(call: Call) -> Answer:
    return _of_account(call, call.path["org"])


@on("apps/get-user-installation")
def _of_user(call: Call) -> Answer:
    return _of_account(call, call.path["username"])


def _of_account(call: Call, account: str) -> Answer:
    app = call.as_app()
    if account.lower() not in app.installations:
        raise Refusal(404, "Not Found")
    return 200, _installed(call, app, app.installations[account.lower()])


def _numbered(app: App, wanted: int) -> Installation:
    found = next((each for each in app.installations.values() if each.id == wanted), None)
    if found is None:
        raise Refusal(404, "Not Found")
    return found


def _installed(call: Call, app: App, found: Installation) -> dict[str, Any]:
    body: dict[str, Any] = component("installation")
    body |= {"id": found.id, "app_id": app.id, "app_slug": app.slug, "client_id": app.client_id}
    body |= {"permissions": app.permissions, "events": app.events}
    body["account"] = {**component("simple-user"), "login": found.account}
    body["repository_selection"] = "all" if found.repositories is None else "selected"
    body["suspended_at"] = time(call.state.now()) if found.suspended else None
    body["html_url"] = f"{call.url.removesuffix('/api/v3')}/organizations/{found.account}/settings/installations"
    return body


@on("apps/create-installation-access-token")
def _access_token(call: Call) -> Answer:
    app = call.as_app()
    found = _numbered(app, int(call.path["installation_id"]))
    if found.suspended:
        raise Refusal(403, "This installation has been suspended")
    granted = {**app.permissions, **call.body.get("permissions", {})}
    if any(RANKS.index(rank) > RANKS.index(app.permissions.get(name, "none")) for name, rank in granted.items()):
        raise Refusal(422, "The permissions requested are not granted to this installation.")
    narrowed = _narrowed(call, found)
    token = call.state.token(f"installation-{found.id}", found)
    if "permissions" in call.body:
        token.permissions = granted = {"metadata": "read", **call.body["permissions"]}
    about: dict[str, Any] = {"repository_selection": "all" if found.repositories is None else "selected"}
    if narrowed is not None:
        token.repositories = frozenset(each.full_name.lower() for each in narrowed)
        about = {"repository_selection": "selected", "repositories": [shown(call, each) for each in narrowed]}
    assert token.expires_at
    return 201, {"token": token.value, "expires_at": time(token.expires_at), "permissions": granted, **about}


def _narrowed(call: Call, found: Installation) -> list[Repository] | None:
    """The repositories that a token is asked for; None for all of the installation."""
    names = {name.lower() for name in call.body.get("repositories", ())}
    numbers = set(call.body.get("repository_ids", ()))
    if not names and not numbers:
        return None
    given = [each for each in _given(call, found) if each.name.lower() in names or each.id in numbers]
    if len(given) < len(names) + len(numbers):
        raise Refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    return given


def _given(call: Call, found: Installation) -> list[Repository]:
    """The repositories that an installation was given."""
    own = [each for each in call.state.repositories.values() if each.owner.lower() == found.account.lower()]
    return [each for each in own if found.repositories is None or each.full_name.lower() in found.repositories]


@on("apps/list-repos-accessible-to-installation")
def _repositories(call: Call) -> Answer:
    token = call.as_person()
    if token.installation is None:
        said = (
            "You must authenticate with an installation access token in order to list repositories for an installation."
        )
        raise Refusal(403, said)
    given = [each for each in _given(call, token.installation) if call.state.is_given(token, each)]
    page = call.page([shown(call, each) for each in given])
    return 200, {"total_count": len(given), "repositories": page}


@on("apps/get-webhook-config-for-app")
def _hook(call: Call) -> Answer:
    return 200, call.as_app().hook


@on("apps/list-webhook-deliveries")
def _deliveries(call: Call) -> Answer:
    return 200, call.as_app().deliveries[: int(call.query.get("per_page", 30))]
