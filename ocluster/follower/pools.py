"""What an admin capability tells of the pools."""

from __future__ import annotations

from typing import Any

import capnp

from ocluster.follower import failures
from ocluster.follower.connection import ANSWER, Connection, Tell
from ocluster.follower.failures import Failure
from ocluster.rpc.vat import answer


async def read(connection: Connection, tell: Tell) -> list[dict[str, Any]]:
    """Each pool: its name, what `show` says of it, its workers with whether they are active and connected.

    :param tell: is told why it takes long.
    :raises Failure: it may not, or cannot now.
    """
    link = await connection.link(tell)
    try:
        names = (await answer(link.client.pools(), ANSWER)).names
        return [await _pool(link.client, str(name)) for name in names]
    except capnp.KjException as error:
        raise failures.of(error.type, error.description) from None
    except (TimeoutError, UnicodeDecodeError):
        link.vat.close()
        raise Failure(failures.Kind.CONNECTION, "it does not answer as a scheduler does") from None


async def _pool(admin: Any, name: str) -> dict[str, Any]:
    pool = admin.pool(name).pool
    shown = pool.show()
    workers = (await answer(pool.workers(), ANSWER)).workers
    return {
        "name": name,
        "shown": str((await answer(shown, ANSWER)).state),
        "workers": [[str(each.name), bool(each.active), bool(each.connected)] for each in workers],
    }
