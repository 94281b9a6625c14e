"""Names in the staging repository. Pure."""

from __future__ import annotations

import re
from hashlib import sha256

#: The longest tag that registries take (OCI distribution specification).
_LONGEST = 128


def tag(image: str, pool: str) -> str:
    """The tag of one platform's image: `live-owner-name-live-linux-x86_64`, as upstream names it.

    Nothing is found by it: a release is told by its digest, so that nobody who can push there can change it.
    """
    name = f"live-{re.sub(r'[^A-Za-z0-9_.-]', '-', image)}-{pool}"
    if len(name) <= _LONGEST:
        return name
    digest = sha256(name.encode()).hexdigest()[:16]
    return f"{name[: _LONGEST - 17]}-{digest}"
