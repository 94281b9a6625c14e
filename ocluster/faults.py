"""What a follower's failure means for a job, in sentences that say what to do."""

from __future__ import annotations

from core.api import OperationError, Stalled, Waiting

#: Seconds until a scheduler that could not is asked again.
_RETRY = 30.0


def of(kind: str, text: str, *, pool: str, setting: str) -> OperationError:
    """Turn a failure into an error of ours.

    :param kind: a `ocluster.follower.failures.Kind`.
    :param pool: where the build was to run.
    :param setting: what names the capability file.
    """
    match kind:
        case "build":
            return Stalled(text or "the build failed")
        case "pool":
            return Stalled(
                f"the scheduler has no pool {pool!r} ({text}): name one of these in the recipe's option `pools`"
            )
        case "refused":
            return Stalled(f"the scheduler does not accept our capability ({text}): {_remedy(text)} {setting}")
        case "worker":
            return OperationError(f"the worker that built this was lost ({text})")
        case "connection":
            return Waiting(f"the connection to the scheduler broke: {text}", retry_in=_RETRY)
        case _:
            return OperationError(f"the scheduler could not: {text}")


def _remedy(text: str) -> str:
    if "fingerprint" in text:
        return "if its key was replaced on purpose, put its new capability file where this setting names it:"
    return "it was revoked or is for another scheduler; put a new one where this setting names it:"
