"""A unikernel out of a released image, without an engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from containers.names import ImageName
from containers.registry import list_files, read_file
from core.api import Log, Stalled
from unikernels import solo5
from unikernels.solo5 import NotAUnikernelError, Note

#: Bytes of the largest unikernel. MirageOS's own have some 20 MB.
LARGEST = 512 << 20
#: What a unikernel is called in an image: `/unikernel.hvt`.
_STEM = "unikernel"
#: What is called something else by whoever builds it.
_SAME = {"qubes": "xen"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unikernel:
    """A unikernel as a file.

    :param target: what it was built for, as Solo5 calls it.
    :param sha256: of the file, in hexadecimal.
    :param size: in bytes.
    """

    path: Path
    target: str
    sha256: str
    size: int
    note: Note


async def fetch(
    image: ImageName, file: str, target: str, to: Path, *, platform: str = "linux/amd64", log: Log
) -> Unikernel:
    """Take the unikernel out of an image by its digest, and see that it is one for that target.

    :param file: where the image holds it; if empty, the one `/unikernel.*` that it has.
    :param target: what is to run it: `hvt`, `spt`, `xen`.
    :param to: where to put it; it appears there at once and in full, and not before it was looked at.
    :raises Stalled: there is none, there are several, it is none, or it is for something else.
    :raises Waiting: the registry cannot now.
    """
    found = file or await _only(image, platform)
    log.note(f"taking {found} out of {image}")
    beside = to.with_name(f".{to.name}.new")
    try:
        await read_file(image, found, beside, platform=platform, limit=LARGEST)
        unikernel = await asyncio.to_thread(_looked_at, beside, f"{found} of {image}", target)
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
    return Unikernel(
        path=to, target=unikernel.target, sha256=unikernel.sha256, size=unikernel.size, note=unikernel.note
    )


def check(path: Path, what: str, target: str) -> Note:
    """See that a file is a unikernel for a target.

    :param what: what to call it.
    :raises Stalled: it is not; says what to change.
    """
    wanted = _SAME.get(target, target)
    try:
        note = solo5.read(path)
    except NotAUnikernelError as error:
        raise Stalled(f"{what} is no unikernel for {wanted}: it {error}") from None
    if note.target != wanted:
        raise Stalled(
            f"{what} is for {note.target}, and {wanted} is wanted: change `target` of the recipe or of the service"
        )
    return note


async def _only(image: ImageName, platform: str) -> str:
    names = [each for each in await list_files(image, "/", platform=platform) if PurePosixPath(each).stem == _STEM]
    if not names:
        raise Stalled(
            f"{image} holds no unikernel: its Dockerfile has to put it at /{_STEM}.hvt, or the option `file` has to say where"
        )
    if len(names) > 1:
        raise Stalled(f"{image} holds {' and '.join(f'/{name}' for name in names)}: name one by the option `file`")
    return f"/{names[0]}"


def _looked_at(path: Path, what: str, target: str) -> Unikernel:
    note = check(path, what, target)
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return Unikernel(path=path, target=note.target, sha256=digest.hexdigest(), size=path.stat().st_size, note=note)
