"""Login by GitHub: the two addresses of OAuth's authorization code, as "Authorizing OAuth apps" describes them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github_server.accounts import OAuthApp
from tests.github_server.replies import Refusal, Reply
from tests.github_server.rest import Sent
from tests.github_server.state import Request, State

#: How long a code holds.
_CODE = timedelta(minutes=10)
#: Parameters of the first step; others are not documented.
_PARAMETERS = {
    *("client_id", "redirect_uri", "login", "scope", "state", "code_challenge", "code_challenge_method"),
    *("allow_signup", "prompt", "response_type"),
}
_REFUSED = {
    "access_denied": "The user has denied your application access.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "bad_verification_code": "The code passed is incorrect or expired.",
}


@dataclass(frozen=True)
class Grant:
    """What a person granted an app; a code stands for it, once."""

    app: OAuthApp
    login: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    until: datetime


class Login:
    """Who sits at the browser, and what they granted.

    :ivar person: the login of who is signed in; empty for nobody.
    :ivar declines: they do not let the app know who they are.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._grants: dict[str, Grant] = {}
        self.person, self.declines = "", False

    def reply(self, asked: Request, sent: Sent) -> Reply:
        asked.operation = sent.path.removeprefix("/login/").replace("/", "-")
        if sent.path == "/login/oauth/authorize" and sent.method == "GET":
            return self._authorize(dict(parse_qsl(sent.query, keep_blank_values=True)))
        if sent.path == "/login/oauth/access_token" and sent.method == "POST":
            return self._access_token(sent)
        return Refusal(404, "Not Found").reply()

    # The first step, by the browser

    def _authorize(self, asked: Mapping[str, str]) -> Reply:
        self._state.violations += [f"oauth/authorize has no parameter {name!r}" for name in asked.keys() - _PARAMETERS]
        app = self._state.oauth_apps.get(asked.get("client_id", ""))
        if app is None:
            return _text(404, "Not Found")
        wanted = asked.get("redirect_uri", app.callback)
        if not _is_inside(wanted, app.callback):
            return _redirect(app.callback, asked, **_refusal("redirect_uri_mismatch"))
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            self._state.violations.append("oauth/authorize: code_challenge_method has to be S256")
            return _text(400, "code_challenge_method must be S256")
        if not self.person:
            return _text(200, "Sign in to GitHub to continue")
        if self.declines:
            return _redirect(wanted, asked, **_refusal("access_denied"))
        code = secrets.token_hex(10)
        # Scopes are separated by spaces; commas are taken as well.
        scopes = tuple(asked.get("scope", "").replace(",", " ").split())
        until = self._state.now() + _CODE
        self._grants[code] = Grant(app, self.person, wanted, scopes, asked.get("code_challenge", ""), until)
        return _redirect(wanted, asked, code=code)

    # The second step, by the app

    def _access_token(self, sent: Sent) -> Reply:
        asked = _sent(sent)
        app = self._state.oauth_apps.get(asked.get("client_id", ""))
        if app is None:
            return Refusal(404, "Not Found").reply()
        if not secrets.compare_digest(app.client_secret, asked.get("client_secret", "")):
            return _told(sent, _refusal("incorrect_client_credentials"))
        grant = self._grants.pop(asked.get("code", ""), None)
        if grant is None or grant.app is not app or grant.until <= self._state.now() or not _proves(grant, asked):
            return _told(sent, _refusal("bad_verification_code"))
        if asked.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
            return _told(sent, _refusal("redirect_uri_mismatch"))
        token = self._state.token(grant.login, scopes=grant.scopes)
        return _told(sent, {"access_token": token.value, "token_type": "bearer", "scope": ",".join(grant.scopes)})


def _is_inside(wanted: str, callback: str) -> bool:
    """Whether an address is the registered one or below it; of a loopback address any port may be taken."""
    a, b = urlsplit(wanted), urlsplit(callback)
    loopback = a.hostname == b.hostname and b.hostname in ("127.0.0.1", "::1")
    same = a.scheme == b.scheme and (loopback or a.netloc == b.netloc)
    return same and (a.path == b.path or a.path.startswith(b.path.rstrip("/") + "/"))


def _proves(grant: Grant, asked: Mapping[str, str]) -> bool:
    """Whether who exchanges the code is who began (PKCE, RFC 7636)."""
    if not grant.challenge:
        return True
    hashed = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
    return secrets.compare_digest(base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(), grant.challenge)


def _sent(sent: Sent) -> dict[str, str]:
    """What was sent: as a form, as JSON, or in the address."""
    asked = dict(parse_qsl(sent.query))
    if "json" in sent.headers.get("content-type", ""):
        return asked | {name: str(value) for name, value in json.loads(sent.body or b"{}").items()}
    return asked | dict(parse_qsl(sent.body.decode()))


def _refusal(error: str) -> dict[str, str]:
    return {"error": error, "error_description": _REFUSED[error], "error_uri": f"https://docs.github.com/apps/#{error}"}


def _told(sent: Sent, said: Mapping[str, str]) -> Reply:
    """An answer of the second step, refusals among them: status 200, as a form unless JSON is asked for."""
    if "json" in sent.headers.get("accept", ""):
        return Reply(200, dict(said))
    return Reply(200, urlencode(said), {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})


def _redirect(to: str, asked: Mapping[str, str], **parameters: str) -> Reply:
    if "state" in asked:
        parameters["state"] = asked["state"]
    separator = "&" if urlsplit(to).query else "?"
    return Reply(302, "", {"Location": f"{to}{separator}{urlencode(parameters)}", "Content-Type": "text/html"})


def _text(status: int, text: str) -> Reply:
    page = f"<!doctype html><title>GitHub</title><p>{text}</p>"
    return Reply(status, page, {"Content-Type": "text/html; charset=utf-8"})
