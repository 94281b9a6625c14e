"""What the worker pushes: a real image of one layer, over HTTP, as `docker push` would."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

import requests

#: The architecture of each pool's workers; pools of other names have amd64.
ARCHITECTURES = {
    "linux-arm64": "arm64",
    "linux-ppc64": "ppc64le",
    "linux-riscv64": "riscv64",
    "linux-s390x": "s390x",
}
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

#: As often as Docker tries to push a layer.
_ATTEMPTS = 5
#: A blob that is unknown a moment after it was pushed, and failures of the registry itself.
_MAY_PASS = (400, 404, 500, 502, 503)


class PushError(Exception):
    """The registry did not take it."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be pushed.

    :param layer: a tar archive; empty for one that has a file with `built`.
    :param built: what it was built from: the same makes the same digest.
    """

    architecture: str
    layer: bytes
    command: tuple[str, ...]
    built: str


def push(image: Image, target: str, user: str, password: str) -> str:
    """Push an image under `repository:tag`; answer `repository@sha256:…`.

    :raises PushError: the registry refused it, or cannot be reached.
    """
    repository, _, tag = target.rpartition(":")
    host, _, path = repository.partition("/")
    with requests.Session() as session:
        session.auth = (user, password)
        registry = _Registry(session, f"{_scheme(host)}://{host}/v2/{path}")
        for left in reversed(range(_ATTEMPTS)):
            try:
                return f"{repository}@{registry.push(image, tag)}"
            except requests.RequestException as error:
                if not left:
                    raise PushError(str(error)) from None
            except _MayPassError:
                if not left:
                    raise
        raise AssertionError


class _MayPassError(PushError):
    """The registry failed: two workers that push the same layer at once may be in each other's way."""


def _scheme(host: str) -> str:
    """As Docker has it: only registries on the same host may do without TLS."""
    return "http" if host.partition(":")[0] in ("127.0.0.1", "localhost") else "https"


@dataclass(frozen=True, slots=True)
class _Registry:
    session: requests.Session
    url: str

    def push(self, image: Image, tag: str) -> str:
        layer = image.layer or _file("built", image.built.encode())
        packed = _packed(layer)
        config = json.dumps(_config(image, layer)).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(config, _CONFIG),
            "layers": [self._blob(packed, _LAYER)],
        }
        body = json.dumps(manifest).encode()
        self._do("PUT", f"{self.url}/manifests/{tag}", data=body, headers={"Content-Type": _MANIFEST})
        return _digest(body)

    def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = _digest(data)
        if self.session.head(f"{self.url}/blobs/{digest}", timeout=30).status_code != requests.codes.ok:
            begun = self._do("POST", f"{self.url}/blobs/uploads/")
            address = urljoin(f"{self.url}/", begun.headers["Location"])
            headers = {"Content-Type": "application/octet-stream"}
            self._do("PUT", address, data=data, headers=headers, params={"digest": digest})
        return {"mediaType": media_type, "size": len(data), "digest": digest}

    def _do(self, method: str, url: str, **more: Any) -> requests.Response:
        answer = self.session.request(method, url, timeout=30, **more)
        if not answer.ok:
            kind = _MayPassError if answer.status_code in _MAY_PASS else PushError
            raise kind(f"{method} {url}: {answer.status_code} {answer.text.strip()}")
        return answer


def _config(image: Image, layer: bytes) -> dict[str, Any]:
    return {
        "architecture": image.architecture,
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": list(image.command),
            "Labels": {"built": image.built},
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created_by": image.built}],
    }


@lru_cache(maxsize=8)
def _packed(layer: bytes) -> bytes:
    return gzip.compress(layer, compresslevel=1, mtime=0)


def _file(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"
