"""Signs of life that processes leave in a directory, and reading them: for the health checks of containers.

Neither Django nor the database is asked: a check every few seconds must cost next to nothing, and a process is not sick
because something that it needs is away. A restart would not bring that back.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

#: The variable that names the directory.
VARIABLE = "DEPLOYER_LIFE_DIR"
ROLES = ("web", "runner", "qcluster")
#: Seconds that the web has for its answer.
_ANSWER = 8.0


class Life:
    """The sign of one process; of several with one role in a directory the last one counts.

    :param directory: None to leave none.
    """

    def __init__(self, directory: Path | None, role: str) -> None:
        self._path = directory / role if directory else None

    def sign(self, seconds: float, said: str, *, url: str = "", host: str = "") -> None:
        """Be alive for so many seconds. A directory that is full or gone is the health check's to tell.

        :param said: what the process does, for people.
        :param url: where the process answers, if it does.
        :param host: the name that it answers to.
        """
        if self._path is None:
            return
        told = {"pid": os.getpid(), "until": time.monotonic() + seconds, "said": said, "url": url, "host": host}
        written = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(json.dumps(told))
            written.replace(self._path)


def look(directory: Path | None, role: str) -> tuple[bool, str]:
    """Whether the process with this role is well, and one sentence on it."""
    if directory is None:
        return False, f"{VARIABLE} is not set: no process leaves a sign of life anywhere"
    try:
        told = json.loads((directory / role).read_text())
        pid, left = int(told["pid"]), float(told["until"]) - time.monotonic()
    except FileNotFoundError:
        return False, f"{role}: not started yet, or it waits for something; see its messages"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return False, f"{role}: its sign in {directory} cannot be read: {error}"
    if not Path(f"/proc/{pid}").exists():
        return False, f"{role}: process {pid} has ended"
    if left < 0:
        return False, f"{role}: no sign of life for {-left:.0f} s longer than it may take"
    return _asked(role, told) if told.get("url") else (True, f"{role}: {told.get('said')}")


def look_at(directory: Path | None, roles: Sequence[str]) -> tuple[bool, str]:
    """Look at these, or where none is named at all that have left a sign."""
    present = [role for role in ROLES if directory and (directory / role).exists()]
    looks = [look(directory, role) for role in roles or present]
    if not looks:
        looks = [(False, "no process has started yet, or it waits for something; see its messages")]
    return all(well for well, _ in looks), "; ".join(said for _, said in looks)


def _asked(role: str, told: Mapping[str, str]) -> tuple[bool, str]:
    """What a web answers. One that is not ready is well: it tells people why, and a restart would end that."""
    # An address of this host that the process itself wrote down.
    request = urllib.request.Request(f"{told['url']}/readyz", headers={"Host": told["host"]})  # noqa: S310
    # A proxy that the environment names is for what is elsewhere.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ANSWER):
            return True, f"{role}: it answers, and is ready"
    except urllib.error.HTTPError as error:
        with error, suppress(ValueError, KeyError, TypeError):
            wrong = [check for check in json.load(error)["checks"] if check["needed"] and not check["ok"]]
            return True, f"{role}: it answers; not ready: {'; '.join(_line(check) for check in wrong)}"
        return False, f"{role}: it answers with status {error.code}"
    except OSError as error:
        return False, f"{role}: it does not answer: {getattr(error, 'reason', error)}"


def _line(check: Mapping[str, str]) -> str:
    return f"{check['name']}: {check['sentence']}"


def main(words: Sequence[str]) -> int:
    """`deployer healthy [ROLE]`: print a line each; 0 for well, 1 for not, 2 for a wrong command line."""
    if len(words) > 1 or not set(words) <= set(ROLES):
        print(f"healthy may be given one of {', '.join(ROLES)}")  # noqa: T201  it is its answer
        return 2
    named = os.environ.get(VARIABLE)
    well, said = look_at(Path(named) if named else None, words)
    print(said)  # noqa: T201
    return 0 if well else 1
