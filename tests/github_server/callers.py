"""Who asks: believed only if GitHub would believe it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import jwt

from tests.github_server.accounts import App, Token
from tests.github_server.replies import Refusal
from tests.github_server.state import State

#: Seconds that an app's own token may hold.
_APP_TOKEN = 600
#: Seconds by which clocks may differ: claims are in whole seconds.
_LEEWAY = 1


@dataclass(frozen=True)
class Caller:
    """`token` of who sent one, `app` of who signed a JWT; neither for nobody."""

    token: Token | None = None
    app: App | None = None

    @property
    def name(self) -> str:
        """As `Request.who` has it."""
        return self.token.login if self.token else f"app-{self.app.id}" if self.app else ""

    @property
    def payer(self) -> str:
        """Whose points are spent."""
        return self.name or "nobody"


def caller(state: State, authorization: str) -> Caller:
    """Who a header `Authorization` is of.

    :raises Refusal: it is of nobody whom GitHub knows.
    """
    scheme, _, value = authorization.strip().partition(" ")
    if not scheme:
        return Caller()
    if scheme.lower() == "bearer" and value.count(".") == 2:
        return Caller(app=_app(state, value))
    known = [state.tokens[each] for each in _secrets(scheme, value) if each in state.tokens]
    if not known or not _holds(state, known[0]):
        raise Refusal(401, "Bad credentials")
    if known[0].installation and known[0].installation.suspended:
        raise Refusal(403, "This installation has been suspended")
    return Caller(token=known[0])


def _secrets(scheme: str, value: str) -> list[str]:
    """What of a header may be a token. Git sends it as the password of any user, or as the user."""
    if scheme.lower() != "basic":
        return [value.strip()]
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [password, user]


def _holds(state: State, token: Token) -> bool:
    if token.expires_at and token.expires_at <= state.now():
        return False
    # A token dies with its installation.
    installed = (each for app in state.apps.values() for each in app.installations.values())
    return token.installation is None or any(each is token.installation for each in installed)


def _app(state: State, signed: str) -> App:
    """The app that a JWT is of, by the stand-in's own clock, which a test may set."""
    try:
        issuer = str(jwt.decode(signed, options={"verify_signature": False})["iss"])
    except (jwt.PyJWTError, KeyError):
        raise Refusal(401, "A JSON web token could not be decoded") from None
    app = next((app for app in state.apps.values() if issuer in (str(app.id), app.client_id)), None)
    if app is None:
        raise Refusal(404, "Integration not found")
    try:
        claims = jwt.decode(
            signed, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.PyJWTError:
        raise Refusal(401, "A JSON web token could not be decoded") from None
    _check_times(claims, state.now().timestamp())
    return app


def _check_times(claims: dict[str, Any], now: float) -> None:
    """Refuse what GitHub refuses, in its words."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now + _LEEWAY:
        raise Refusal(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )
    if not isinstance(expires, (int, float)) or expires <= now:
        raise Refusal(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires",
        )
    if expires > now + _APP_TOKEN + _LEEWAY:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
