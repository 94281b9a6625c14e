"""A small web service: it greets, says which version it is, and tells whether it is healthy."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from greeting import greet

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>hello</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 1.25rem/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh }}
body {{ text-align: center }}
</style><h1>{greeting}</h1><p>Deployed by the demo flavour.</p></html>
"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        healthy = self.path == "/health"
        body = b"ok\n" if healthy else PAGE.format(greeting=greet("world")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain" if healthy else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ["PORT"])
    print(f"listening on port {port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
