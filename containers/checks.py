"""What `manage.py doctor` can find out about a registry before anything is published."""

from __future__ import annotations

from collections.abc import AsyncIterator

from containers.names import ImageName
from containers.registry import try_to_write
from core.api import Finding, OperationError, Stalled, Waiting


async def of_image(image: str) -> AsyncIterator[Finding]:
    """Whether we may push under a name.

    :raises ValueError: it is no name of an image.
    """
    name = ImageName.parse(image)
    try:
        await try_to_write(name)
    except Waiting as error:
        yield Finding(
            level="error", text=str(error), remedy="See whether the registry is up and can be reached from here."
        )
    except Stalled as error:
        # It says itself which credentials, or which authority, are missing.
        yield Finding(level="error", text=str(error))
    except OperationError as error:
        yield Finding(level="error", text=str(error), remedy="See whether this is the registry's address.")
    else:
        yield Finding(level="ok", text=f"{name.registry} lets us push {name.name}")
