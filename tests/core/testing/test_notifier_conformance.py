"""The conformance class for notifiers passes one that keeps to it, and finds what does not."""

import json
import threading
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import pytest

from core.errors import OperationError
from core.interfaces import Notifier
from core.testing.conformance.notifiers import NotifierConformance
from core.values import News, Options


class PosterOptions(Options):
    url: str


class Poster(Notifier):
    """Posts news as JSON."""

    kind = "poster"
    Options = PosterOptions

    async def notify(self, news: News, options: Options, memory: Mapping[str, str]) -> None:
        body = json.dumps({"text": news.text}).encode()
        try:
            await to_thread(urllib.request.urlopen, cast(PosterOptions, options).url, body, 5)
        except urllib.error.URLError as error:
            raise OperationError(f"{options.url} cannot be told: {error.reason}") from error


class Silent(Poster):
    """Takes a failure for a success."""

    async def notify(self, news: News, options: Options, memory: Mapping[str, str]) -> None:
        try:
            await super().notify(news, options, memory)
        except OperationError:
            return


class TestPoster(NotifierConformance):
    @pytest.fixture
    def notifier(self) -> Notifier:
        return Poster()

    @pytest.fixture
    def server(self) -> Iterator[ThreadingHTTPServer]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.heard.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.heard = []
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server
            server.shutdown()

    @pytest.fixture
    def options(self, server: ThreadingHTTPServer) -> Options:
        return PosterOptions(url=f"http://127.0.0.1:{server.server_address[1]}/")

    @pytest.fixture
    def unreachable(self) -> Options:
        return PosterOptions(url="http://127.0.0.1:1/")

    @pytest.fixture
    def heard(self, server: ThreadingHTTPServer) -> Callable[[], Sequence[str]]:
        return lambda: server.heard


async def test_a_notifier_that_hides_a_failure_is_found() -> None:
    conformance = NotifierConformance()
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await conformance.test_nobody_there_is_an_error_that_is_tried_again(
            Silent(), PosterOptions(url="http://127.0.0.1:1/")
        )
