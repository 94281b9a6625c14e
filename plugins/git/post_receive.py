"""A hook for repositories on plain Git servers, which tells the deployer of pushes."""

from __future__ import annotations

import shlex
from urllib.parse import quote


def post_receive_hook(webhook: str) -> str:
    """A hook for a repository on a plain Git server, in POSIX shell: it tells the deployer to look again.

    It never delays or refuses a push: it runs in the background, tries again for two minutes while the deployer does not
    answer (it may just be starting again), and says nothing.

    :param webhook: the whole address: `https://deploy.example.org/webhooks/git?repository=owner/name`.
    """
    url = shlex.quote(quote(webhook, safe=":/?&=%[]@"))
    return f"""#!/bin/sh
# Tells the deployer that something was pushed; what was, it finds out by itself.
if command -v curl >/dev/null; then
    curl --silent --max-time 10 --retry 10 --retry-connrefused --retry-max-time 120 --request POST {url}
else
    wget --quiet --timeout=10 --tries=12 --retry-connrefused --waitretry=20 --output-document=/dev/null --post-data= {url}
fi >/dev/null 2>&1 </dev/null &
exit 0
"""
