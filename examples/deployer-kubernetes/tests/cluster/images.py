"""Images made of busybox alone, the same in every run: a pod that is well, others that are not."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from .processes import program

#: What images are named by. The node finds them in a registry on this machine.
REGISTRY = "registry.example"
_SERVES = "echo 'listening'; trap 'exit 0' TERM; while :; do busybox sleep 0.1; done"
#: By name: what it runs, and whether it ever says that it is ready.
IMAGES = {
    "pause": ("exec busybox sleep 2147483647", False),
    "shop": (_SERVES, True),
    "shop-next": (f"echo 'the next one'; {_SERVES}", True),
    "crashes": ("echo 'reading /etc/shop.conf'; echo 'cannot open the database: no such host' >&2; exit 3", False),
    "never-ready": (_SERVES, False),
}
_OCI = "application/vnd.oci.image"
#: What a pod is asked by to see whether it is ready.
READY = ["busybox", "test", "-e", "/ready"]


@dataclass(frozen=True, slots=True)
class Image:
    """An image, as a registry keeps it: by kind, what it consists of; the manifest is the last."""

    name: str
    parts: tuple[tuple[str, bytes], ...]

    @property
    def repository(self) -> str:
        # All releases of the shop are found under one name, as they would be.
        return self.name if self.name == "pause" else "shop"

    @property
    def digest(self) -> str:
        return _digest(self.parts[-1][1])


def made() -> list[Image]:
    """Make them all."""
    return [_made(name, command, ready) for name, (command, ready) in IMAGES.items()]


def push(registry: str, image: Image) -> None:
    """Push one to a registry."""
    *blobs, (kind, manifest) = image.parts
    for _, content in blobs:
        _upload(registry, image.repository, content)
    _put(f"http://{registry}/v2/{image.repository}/manifests/{image.name}", kind, manifest)


def _made(name: str, command: str, ready: bool) -> Image:
    files = {"bin/busybox": (Path(program("busybox")).read_bytes(), 0o755), "bin/sh": (b"", 0)}
    if ready:
        files["ready"] = (b"", 0o644)
    layer = _layer(files)
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh", "-c", command], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs = (
        (f"{_OCI}.config.v1+json", json.dumps(configuration).encode()),
        (f"{_OCI}.layer.v1.tar+gzip", gzip.compress(layer, mtime=0)),
    )
    config, packed = [{"mediaType": kind, "digest": _digest(each), "size": len(each)} for kind, each in blobs]
    kind = f"{_OCI}.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [packed]}
    return Image(name, (*blobs, (kind, json.dumps(manifest).encode())))


def _layer(files: dict[str, tuple[bytes, int]]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = mode
            if mode:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(entry)
    return written.getvalue()


def _upload(registry: str, repository: str, content: bytes) -> None:
    begin = urllib.request.Request(f"http://{registry}/v2/{repository}/blobs/uploads/", data=b"", method="POST")
    with urllib.request.urlopen(begin, timeout=30) as answer:
        place = urljoin(f"http://{registry}/", answer.headers["Location"])
    _put(f"{place}{'&' if '?' in place else '?'}digest={_digest(content)}", "application/octet-stream", content)


def _put(address: str, kind: str, content: bytes) -> None:
    request = urllib.request.Request(address, data=content, method="PUT", headers={"Content-Type": kind})
    urllib.request.urlopen(request, timeout=30).close()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
