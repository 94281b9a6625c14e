"""The Git server of the world, as a process of its own: `python -m tests.chaos.git_host ADDRESS PORT ROOT`.

While the file `ROOT/broken` exists it answers 500 to everybody.
"""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from core.testing.git_server import GitRequestHandler


class Handler(GitRequestHandler):
    login = None

    def _serve(self, body: bytes) -> None:
        if not (self.root / "broken").exists():
            super()._serve(body)
            return
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    address, port, root = sys.argv[1:]
    server = ThreadingHTTPServer((address, int(port)), type("Bound", (Handler,), {"root": Path(root)}))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
