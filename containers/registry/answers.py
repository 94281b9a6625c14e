"""What a registry's refusals, silence and rubbish mean, as errors that say what to do."""

from __future__ import annotations

import email.utils
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import IncompleteRead

import requests
import urllib3
from dxf.exceptions import DXFDigestMismatchError, DXFUnauthorizedError

from containers.credentials import how_to_give
from containers.registry import settings
from containers.registry.backoff import backoff
from core.api import OperationError, Stalled, Waiting

#: Seconds: the bounds of what a registry may ask us to wait (`Retry-After`).
_SHORTEST, _LONGEST = 1.0, 600.0
#: Besides 5xx, what will be answered otherwise some time: 408 Request Timeout, 425 Too Early, 429 Too Many Requests.
_PASSING = (408, 425, 429)
#: Bytes and characters of a registry's own explanation that are read and shown.
_READ, _SHOWN = 4096, 300


@dataclass(frozen=True, slots=True)
class Errand:
    """What a registry is asked for, in the words that its errors need.

    :param what: an image's name, or what it is of an image.
    :param verb: `read` or `write`.
    """

    registry: str
    what: str
    verb: str


@contextmanager
def told(errand: Errand) -> Iterator[None]:
    """Turn whatever goes wrong with a registry inside into an error of ours.

    No text of an exception of the libraries is handed on: it may hold a signed address.

    :raises Waiting: it will pass: a limit, a failure of the registry, the network.
    :raises Stalled: we may not, what was asked for is not there, or the registry's certificate is not believed.
    :raises OperationError: the registry answers what no registry should.
    """
    try:
        yield
    except DXFUnauthorizedError:
        raise denied(errand, "401") from None
    except DXFDigestMismatchError as error:
        raise OperationError(f"{errand.registry} sent other bytes than {errand.what}: {error.got}") from None
    except requests.HTTPError as error:
        raise of_answer(error.response, errand) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        raise _of_failure(error, errand) from None
    backoff.succeeded(errand.registry)


def of_answer(answer: requests.Response, errand: Errand) -> OperationError:
    """Tell what an answer means that is no success."""
    registry, status = errand.registry, f"{answer.status_code}{said(answer)}"
    asked = f"{errand.verb} {errand.what}"
    match answer.status_code:
        case 401 | 403:
            return denied(errand, status)
        case 404 if is_page(answer):
            return OperationError(f"{registry} answered a web page to a request to {asked}: is it a registry?")
        case 404 if errand.verb == "write":
            return Stalled(f"{registry} cannot {asked}: it answered {status}; make the repository there first")
        case 404:
            return Stalled(
                f"{errand.what} is not there: {registry} answered {status}; publish it again, or mend its name"
            )
        case 429:
            return _later(answer, errand, f"{registry} asks to be asked less often (429), and did not {asked}")
        case 400 | 405 | 413 | 415 | 422:
            return Stalled(f"{registry} refuses to {asked}: it answered {status}")
        case code if code >= 500 or code in _PASSING:
            return _later(answer, errand, f"{registry} cannot {asked} now: it answered {status}")
    return OperationError(f"{registry} answered {status} to a request to {asked}, which makes no sense")


def of_login(answer: requests.Response, errand: Errand, host: str) -> OperationError:
    """Tell what an answer of a registry's token server means that is no success.

    :param host: the token server.
    """
    if answer.status_code in (401, 403):
        return denied(errand, f"{answer.status_code} by {host}")
    reason = f"{host}, where {errand.registry} has us log in, answered {answer.status_code}"
    if answer.status_code >= 500 or answer.status_code in _PASSING:
        return _later(answer, errand, reason)
    return OperationError(reason)


def denied(errand: Errand, status: str) -> Stalled:
    """Say that we may not, and how to change that."""
    how = how_to_give(errand.registry)
    return Stalled(
        f"{errand.registry} does not let us {errand.verb} {errand.what} (it answered {status}):"
        f" its credentials are missing, wrong or not enough; {how}"
    )


def said(answer: requests.Response) -> str:
    """What a registry says of an error (distribution specification, section Error Codes), ready to follow a status."""
    try:
        first = json.loads(beginning(answer))["errors"][0]
        words = f"{first.get('code', '')}: {first.get('message', '')}"
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f" ({''.join(each for each in words if each.isprintable())[:_SHOWN]})"


def beginning(answer: requests.Response) -> bytes:
    """The first bytes of an answer's body; empty where there are none to be had."""
    with suppress(requests.RequestException, urllib3.exceptions.HTTPError):
        return next(answer.iter_content(_READ), b"")
    return b""


def is_page(answer: requests.Response) -> bool:
    """Tell whether an answer is a web page: no registry's, but that of a proxy or of another server."""
    return answer.headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml"))


def _later(answer: requests.Response, errand: Errand, reason: str) -> Waiting:
    asked = _retry_after(answer.headers.get("Retry-After", ""))
    return Waiting(reason, retry_in=backoff.failed(errand.registry) if asked is None else asked)


def _retry_after(value: str) -> float | None:
    """Read a `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3)."""
    try:
        seconds = float(value) if value.strip().isdigit() else _until(email.utils.parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, _SHORTEST), _LONGEST)


def _until(then: datetime) -> float:
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _of_failure(error: Exception, errand: Errand) -> OperationError:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _of_certificate(cause, errand)
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return _of_tls(cause, errand)
        if isinstance(cause, (IncompleteRead, urllib3.exceptions.IncompleteRead)):
            return OperationError(f"{errand.registry} broke off in the middle of an answer about {errand.what}")
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    if isinstance(error, (*passing, urllib3.exceptions.ProtocolError, urllib3.exceptions.TimeoutError)):
        reason = f"{errand.registry} cannot be reached to {errand.verb} {errand.what}: {_in_words(causes)}"
        return Waiting(reason, retry_in=backoff.failed(errand.registry))
    return OperationError(
        f"{errand.registry} answered what no registry should about {errand.what}: {type(error).__name__}"
    )


def _of_certificate(error: ssl.SSLCertVerificationError, errand: Errand) -> Stalled:
    return Stalled(
        f"the certificate of {errand.registry} is not believed ({error.verify_message});"
        f" {settings.how_to_trust(errand.registry)}"
    )


def _of_tls(error: ssl.SSLError, errand: Errand) -> OperationError:
    reason = f"{errand.registry} does not speak TLS as it should ({(error.reason or 'no reason given').lower()})"
    if settings.may_be_plain(errand.registry):
        # It was asked in plain text first and did not answer well: it may be starting.
        return OperationError(reason)
    return Stalled(f"{reason}; if it speaks plain http, name it in {settings.INSECURE}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What an exception was made from, outermost first: libraries keep it in their arguments and `reason` too."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]


def _in_words(causes: list[BaseException]) -> str:
    for cause in causes:
        # The operating system's own words first: urllib3 has a refused connection as a kind of timeout.
        if isinstance(cause, OSError) and cause.strerror and isinstance(cause.errno, int):
            return cause.strerror
    if any(isinstance(cause, (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)) for cause in causes):
        return "it does not answer in time"
    return "the connection broke"
