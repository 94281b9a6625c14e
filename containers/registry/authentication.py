"""Who we are to a registry, by its challenge: HTTP's Basic, or a token from the server that the registry names.

The library's own (`DXFBase.authenticate`) does not do: it refuses plain http even on this host, changes a token server's
address to https, knows no identity tokens (what `docker login` keeps for some registries), and follows redirects.
"""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlsplit

import requests

from containers.credentials import Credentials, credentials_for
from containers.registry import answers, settings
from containers.registry.answers import Errand
from core.api import OperationError, Stalled

#: Seconds to connect to a registry or token server, and between two pieces of its answer.
TIMEOUT = (10.0, 60.0)
#: Bytes of a token server's answer: the largest tokens that are known of have a few thousand.
_ANSWER = 1 << 18
#: What we tell a token server that we are, where it asks for a name.
_CLIENT = "deployer"
_CHALLENGE = re.compile(
    r"""(?P<name>[A-Za-z_-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,]+))|(?P<scheme>[A-Za-z]+)"""
)


def challenges(header: str) -> dict[str, dict[str, str]]:
    """Read `WWW-Authenticate` (RFC 9110, section 11.6.1): the parameters of each scheme, all names in small letters."""
    found: dict[str, dict[str, str]] = {}
    parameters: dict[str, str] = {}
    for match in _CHALLENGE.finditer(header):
        if match["scheme"]:
            parameters = found.setdefault(match["scheme"].lower(), {})
        else:
            value = match["bare"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            parameters[match["name"].lower()] = value
    return found


def authorization(session: requests.Session, refusal: requests.Response, errand: Errand) -> dict[str, str] | None:
    """Answer a registry's challenge: the header that a request needs, or None where we have nothing to offer.

    :param refusal: the registry's answer 401.
    :raises Stalled: the token server does not let us, or may not be told a password.
    :raises Waiting: the token server cannot now.
    :raises OperationError: the challenge, or the token server's answer, is none.
    """
    asked = challenges(refusal.headers.get("WWW-Authenticate", ""))
    known = credentials_for(errand.registry)
    if "bearer" in asked:
        return {"Authorization": f"Bearer {_token(session, asked['bearer'], known, errand)}"}
    if "basic" in asked and known and not known.token:
        return _basic(known)
    return None


def _basic(known: Credentials) -> dict[str, str]:
    pair = f"{known.username}:{known.password}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def _token(session: requests.Session, asked: dict[str, str], known: Credentials | None, errand: Errand) -> str:
    realm = asked.get("realm", "")
    host = _host(realm, errand)
    answer = _ask(session, realm, asked, known)
    try:
        if answer.status_code != requests.codes.ok:
            raise answers.of_login(answer, errand, host)
        kept = json.loads(answer.raw.read(_ANSWER, decode_content=True))
        # The same under two names, as OAuth 2.0 and as Docker called it first.
        token = kept.get("token") or kept.get("access_token")
        if re.fullmatch(r"[!-~]+", token):
            return str(token)
    except (ValueError, TypeError, AttributeError):
        pass
    finally:
        answer.close()
    raise OperationError(f"{host}, where {errand.registry} has us log in, answered without a token")


def _ask(session: requests.Session, realm: str, asked: dict[str, str], known: Credentials | None) -> requests.Response:
    """Ask for a token (https://distribution.github.io/distribution/spec/auth/), never following a redirect with it."""
    wanted = {name: value for name, value in asked.items() if name in ("service", "scope")}
    if known and known.token:
        form = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": known.token, **wanted}
        return session.post(realm, data=form, timeout=TIMEOUT, allow_redirects=False, stream=True)
    headers = _basic(known) if known else {}
    # One `scope` each: a registry may ask for several.
    query = [(name, word) for name, value in wanted.items() for word in (value.split() if name == "scope" else [value])]
    return session.get(realm, params=query, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True)


def _host(realm: str, errand: Errand) -> str:
    """The token server's host, if it may be told a password at all."""
    try:
        scheme, place = urlsplit(realm)[:2]
    except ValueError:
        scheme = place = ""
    host = place.rpartition("@")[2]
    if not host or scheme not in ("http", "https"):
        raise OperationError(f"{errand.registry} asks for a token and does not say from where, for {errand.what}")
    if scheme == "http" and not settings.may_be_plain(host):
        raise Stalled(
            f"{errand.registry} has us log in by plain http at {host}, for {errand.what}:"
            f" if that is as it should be, name {host} in {settings.INSECURE}"
        )
    return host
