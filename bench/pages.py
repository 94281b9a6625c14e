"""The first byte of every page and of every operation of the API that reads, on a large database, against `/healthz`.

Each is asked of a real web process, as nobody and as a superuser, and once in this process to count its queries.
"""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass, field

from bench import web
from bench.timing import tell

#: Milliseconds that a page's first byte may take.
LIMIT = 60
ROUNDS = 11
_BASELINE = "/healthz"
#: Statuses that say that something was shown.
_SHOWN = 200


@dataclass(slots=True)
class Page:
    """What was measured of an address as somebody: milliseconds, queries, bytes."""

    address: str
    who: str
    cookie: str
    queries: int = 0
    slowest: tuple[float, str] = (0.0, "")
    status: int = 0
    times: list[float] = field(default_factory=list)

    @property
    def typical(self) -> float:
        return statistics.median(self.times)

    @property
    def rarely(self) -> float:
        return statistics.quantiles(self.times, n=20)[-1] if len(self.times) > 1 else self.typical


def first_byte(port: int, page: Page) -> float:
    """Milliseconds from a request to the first byte of its answer, which goes on for ever where it is a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", page.address, headers={"Cookie": page.cookie} if page.cookie else {})
        answer = connection.getresponse()
        answer.read(1)
        page.status = answer.status
        return (time.perf_counter() - began) * 1000
    finally:
        connection.close()


def count_queries(page: Page) -> None:
    """Ask for a page in this process: how many queries it makes, and the slowest of them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
    client.cookies.load(page.cookie)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page.address)
    page.status, page.queries = answer.status_code, len(queries)
    if queries.captured_queries:
        page.slowest = max((float(each["time"]), each["sql"]) for each in queries.captured_queries)


def cookie() -> str:
    """Of a superuser's session."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username="root"), backend="django.contrib.auth.backends.ModelBackend")
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def pages() -> list[Page]:
    """Those that there are something to see at."""
    from bench.walk import addresses

    who = {"nobody": "", "somebody": cookie()}
    asked = [Page(address, name, kept) for address in addresses() for name, kept in who.items()]
    found = []
    for page in asked:
        # A stream cannot be asked for here: it would not end.
        if not page.address.rstrip("/").endswith(("/events", "/stream", "/follow")):
            count_queries(page)
            if page.status != _SHOWN:
                continue
        found.append(page)
    return found


def main() -> None:
    web.apart("bench.pages")


def measure() -> None:
    web.setup()
    found = pages()
    baseline = Page(_BASELINE, "nobody", "")
    with web.web() as (port, _):
        for _round in range(ROUNDS):
            for page in (baseline, *found):
                if page.status not in (0, _SHOWN):
                    continue
                taken = first_byte(port, page)
                # The first is a process that reads its templates.
                if _round:
                    page.times.append(taken)
    found = [page for page in found if page.status == _SHOWN]
    print_table(found, baseline)


def print_table(found: list[Page], baseline: Page) -> None:
    print(f"  {'first byte, in milliseconds':<62} {'p50':>7} {'p95':>7} {'× ' + _BASELINE:>11} {'queries':>8}")
    for page in sorted(found, key=lambda each: -each.typical):
        flag = f"  over {LIMIT}" if page.typical > LIMIT else ""
        name = f"{page.address} as {page.who}"
        times = f"{page.typical:7.1f} {page.rarely:7.1f} {page.typical / baseline.typical:11.1f}"
        print(f"  {name:<62} {times} {page.queries:8}{flag}")
        if flag and page.slowest[0] > 0.005:
            print(f"      {page.slowest[0] * 1000:.0f} ms: {page.slowest[1][:1200]}")
    slow, rarely = (sum(getattr(page, what) > LIMIT for page in found) for what in ("typical", "rarely"))
    print(f"  {len(found)} pages and operations; over {LIMIT} ms: {slow} (p50), {rarely} (p95)")
    tell(f"the baseline, {_BASELINE}", baseline.typical / 1000)


if __name__ == "__main__":
    measure()
