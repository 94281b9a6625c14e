"""Images made and pushed without an engine, over plain HTTP as any client would."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import requests
import zstandard

from containers.names import ImageName
from tests.docker_real import RealRegistry, unique

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(data: bytes) -> str:
    return "sha256:" + sha256(data).hexdigest()


# Layers


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a layer's archive. What it is: `file`, `directory`, `link`, `hard link` or `pipe`."""

    name: str
    kind: str = "file"
    content: bytes = b""
    target: str = ""
    mode: int = 0o644


_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def layer(*members: Member) -> bytes:
    """A layer's archive, not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for each in members:
            header = tarfile.TarInfo(each.name)
            header.type, header.linkname, header.mode = _TYPES[each.kind], each.target, each.mode
            header.size = len(each.content)
            tar.addfile(header, io.BytesIO(each.content))
    return buffer.getvalue()


def file(name: str, content: str | bytes, mode: int = 0o644) -> Member:
    return Member(name, content=content if isinstance(content, bytes) else content.encode(), mode=mode)


def link(name: str, target: str) -> Member:
    return Member(name, "link", target=target)


def hard_link(name: str, target: str) -> Member:
    return Member(name, "hard link", target=target)


def directory(name: str) -> Member:
    return Member(name, "directory", mode=0o755)


PACKED = {
    "": bytes,
    "+gzip": lambda data: gzip.compress(data, mtime=0),
    "+zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


# Pushing


class Publisher:
    """Pushes into one repository of a registry, with a view of it that owes nothing to what is tested."""

    def __init__(self, registry: RealRegistry, repository: str = "") -> None:
        self.name = ImageName(registry=registry.name, repository=repository or unique("owner/image"))
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(registry.authority or True)
        if registry.username:
            self._session.auth = (registry.username, registry.password)
        scheme = "https" if registry.authority else "http"
        self._url = f"{scheme}://{registry.name}/v2/{self.name.repository}"

    def blob(self, data: bytes) -> str:
        begun = self._do("POST", "/blobs/uploads/")
        place = begun.headers["Location"]
        self._do("PUT", place + ("&" if "?" in place else "?") + f"digest={digest(data)}", data=data)
        return digest(data)

    def manifest(
        self, *layers: bytes, tag: str = "", media_type: str = MANIFEST, architecture: str = "amd64", packing: str = ""
    ) -> str:
        """Push an image of these layers, the bottom first, and answer its manifest's digest."""
        config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        packed = [PACKED[packing](each) for each in layers]
        document = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": self._descriptor(config.encode(), _CONFIG),
            "layers": [self._descriptor(each, LAYER + packing) for each in packed],
        }
        return self.document(document, tag=tag)

    def index(self, manifests: Sequence[dict[str, Any]], tag: str = "") -> str:
        return self.document({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}, tag=tag)

    def document(self, document: dict[str, Any], tag: str = "") -> str:
        body = json.dumps(document).encode()
        headers = {"Content-Type": document["mediaType"]}
        self._do("PUT", f"/manifests/{tag or digest(body)}", data=body, headers=headers)
        return digest(body)

    def describe(self, digest: str, platform: str = "", **annotations: str) -> dict[str, Any]:
        """A descriptor of a manifest that was pushed."""
        answer = self.get(digest)
        described: dict[str, Any] = {
            "mediaType": answer.headers["Content-Type"],
            "digest": digest,
            "size": len(answer.content),
        }
        if platform:
            described["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        if annotations:
            described["annotations"] = {name.replace("__", "."): value for name, value in annotations.items()}
        return described

    def get(self, reference: str) -> requests.Response:
        accept = {"Accept": ", ".join((MANIFEST, INDEX, DOCKER_MANIFEST))}
        return self._do("GET", f"/manifests/{reference}", headers=accept)

    def delete(self, digest: str) -> None:
        self._do("DELETE", f"/manifests/{digest}")

    def _descriptor(self, data: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(data), "size": len(data)}

    def _do(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self._url + path
        answer = self._session.request(method, url, **options)
        assert answer.ok, f"{method} {url}: {answer.status_code} {answer.text[:500]}"
        return answer
