"""Whose signatures count."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from containers.names import ImageName
from core.api import GateOptions, OperationError, Stalled
from plugins.cosign import keys
from plugins.cosign.keys import PublicKey


class CosignOptions(GateOptions):
    """Who signs, and where that is kept."""

    key: str = Field(
        description="The public key: as PEM, or the file that it is in on the runners' hosts: `/etc/deployer/cosign.pub`; "
        "of several in it one is enough."
    )
    identity: str = Field(
        "", description="The image's name that has to be in the signature (`docker-reference`); any will do if empty."
    )
    repository: str = Field(
        "", description="The repository that signatures are in, where it is not the image's (`COSIGN_REPOSITORY`)."
    )
    rollbacks: bool = Field(True, description="Hold rollbacks too: what nobody signed does not run.")

    @field_validator("key")
    @classmethod
    def _usable(cls, value: str) -> str:
        if _is_pem(value):
            keys.read(value)
        elif not Path(value).is_absolute() or "\0" in value:
            raise ValueError("it is neither a public key (PEM) nor the path of a file from the root")
        return value

    @field_validator("identity", "repository")
    @classmethod
    def _named(cls, value: str) -> str:
        try:
            name = ImageName.parse(value) if value else None
        except Stalled as error:
            raise ValueError(str(error)) from None
        if name and name.digest:
            raise ValueError("it is a name without a digest")
        return value

    def keys(self) -> tuple[PublicKey, ...]:
        """The keys that signatures are believed by. A file is read each time, so that a key can be exchanged.

        :raises OperationError: the file cannot be read, or is not of keys.
        """
        try:
            return keys.read(self.key if _is_pem(self.key) else Path(self.key).read_text())
        except OSError as error:
            raise OperationError(
                f"the option `key` names a file that cannot be read: {self.key}: {error.strerror}"
            ) from None
        except ValueError as error:
            raise OperationError(f"the option `key` is not as it has to be: {error}") from None


def _is_pem(value: str) -> bool:
    return "-----BEGIN" in value
