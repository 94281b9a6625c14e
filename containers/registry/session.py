"""HTTP as registries need it: own authorities besides the system's, and redirects that carry no password."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from containers.registry import settings
from containers.registry.authentication import TIMEOUT
from core.api import ConfigurationError, Stalled


def open_session(registry: str) -> requests.Session:
    """Make a session for one operation on a registry; it is of use to one thread.

    A request by https raises `ConfigurationError` where an authority's file cannot be read.
    """
    session = _Session(registry)
    # Whoever sets a proxy for the world does not mean this host, as for Docker.
    session.trust_env = not settings.is_loopback(registry)
    # Something has to stand here, or a `.netrc` would overwrite what we are to the registry.
    session.auth = _as_it_is
    session.headers["User-Agent"] = "deployer"
    # A blob is named by the digest of its bytes as they are kept.
    session.headers["Accept-Encoding"] = "identity"
    return session


def speaks_plain(registry: str) -> bool:
    """Find out whether a registry is to be spoken to by plain http, which few may be (`settings.may_be_plain`).

    It is asked without a password. A server that speaks TLS answers with status 400, with bytes that are no HTTP, or
    by sending us on.
    """
    if not settings.may_be_plain(registry):
        return False
    try:
        with open_session(registry) as session:
            address = f"http://{registry}/v2/"
            answer = session.get(address, timeout=TIMEOUT, allow_redirects=False, stream=True)
    except requests.RequestException:
        return False
    return answer.status_code != requests.codes.bad_request and not (
        answer.is_redirect and answer.headers["Location"].startswith("https:")
    )


class _Session(requests.Session):
    def __init__(self, registry: str) -> None:
        super().__init__()
        self._registry = registry

    def get_adapter(self, url: str) -> BaseAdapter:
        adapter = super().get_adapter(url)
        if urlsplit(url).scheme != "https" or isinstance(adapter, _Adapter):
            return adapter
        # Only now: to read all of the system's authorities takes longer than to ask a registry in plain text.
        adapter = _Adapter(_trust(self._registry))
        self.mount("https://", adapter)
        return adapter

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Look at a request that a redirect made: it goes to another server without a password, and never in plain text.

        The library's own would take another server's password from a `.netrc`.
        """
        old, new = urlsplit(response.request.url or ""), urlsplit(prepared_request.url or "")
        if (old[:2]) != new[:2]:
            prepared_request.headers.pop("Authorization", None)
        if new.scheme == "http" and not settings.may_be_plain(new.netloc.rpartition("@")[2]):
            raise Stalled(
                f"{old.hostname} sends us on to {new.hostname} by plain http: if that is as it should be, name"
                f" {new.netloc.rpartition('@')[2]} in {settings.INSECURE}"
            )


class _Adapter(HTTPAdapter):
    """Believes what a context of ours believes, besides what the library does by itself."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)


def _trust(registry: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for path in settings.authorities(registry):
        try:
            context.load_verify_locations(path)
        except OSError as error:  # of which a file without certificates is one
            reason = error.strerror or "there is no certificate in it"
            raise ConfigurationError(
                f"the authority's certificate for {registry} cannot be read: {path}: {reason}"
            ) from None
    return context


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
