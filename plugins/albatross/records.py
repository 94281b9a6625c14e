"""What was deployed from here: a host knows a unikernel by the SHA-256 of its image, and not of which release it is."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from core.api import ServicePlace
from plugins.albatross.options import AlbatrossOptions


class Record(BaseModel):
    """The last deployment that succeeded.

    :param release: its digest.
    :param sha256: of the unikernel's image, in hexadecimal.
    """

    model_config = ConfigDict(frozen=True)

    service: str
    host: str
    release: str
    sha256: str
    options: AlbatrossOptions

    @classmethod
    def read(cls, data: Path, service: ServicePlace) -> Self | None:
        """The record of a service; None where there is none, or none that can be read."""
        try:
            return cls.model_validate_json(_path(data, service).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, data: Path, service: ServicePlace) -> None:
        """Keep it: all of it or nothing."""
        path = _path(data, service)
        path.parent.mkdir(exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(self.model_dump_json())
        beside.replace(path)


def _path(data: Path, service: ServicePlace) -> Path:
    name = sha256(f"{service.host}\n{service.name}".encode()).hexdigest()[:32]
    return data / "deployed" / f"{name}.json"
