"""Reading and changing the specification of a service (Docker Engine API, ServiceSpec). Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from containers.names import digest_in

Spec = Mapping[str, Any]

#: What a deployment writes on a service, so that it can be told later what was changed by others. Labels of a service
#: start no task anew.
SPEC_LABEL, SCALE_LABEL = "deployer.spec", "deployer.scale"


def image_of(spec: Spec) -> str:
    """The image that a specification asks for."""
    return str(spec.get("TaskTemplate", {}).get("ContainerSpec", {}).get("Image", ""))


def digest_of(spec: Spec) -> str:
    """The digest that it asks for; empty where it names none."""
    return digest_in(image_of(spec))


def with_image(spec: Spec, reference: str, *, accepted: bool = True) -> dict[str, Any]:
    """The same with another image, and with our labels; everything else stays as it is.

    :param accepted: how it is now is how it should be; if not, it still counts as changed since the last deployment.
    """
    changed = copy.deepcopy(dict(spec))
    changed["TaskTemplate"]["ContainerSpec"]["Image"] = reference
    labels = dict(changed.get("Labels") or {})
    if accepted:
        labels[SPEC_LABEL] = fingerprint(changed)
    labels[SCALE_LABEL] = str(scale(changed) or "")
    changed["Labels"] = labels
    return changed


def scale(spec: Spec) -> int | None:
    """How many tasks it asks for; None for one on every node."""
    replicated = (spec.get("Mode") or {}).get("Replicated")
    return int(replicated.get("Replicas", 1)) if replicated is not None else None


def is_long_running(spec: Spec) -> bool:
    """Whether it keeps tasks running. Jobs, which run to their end, cannot be moved."""
    return bool({"Replicated", "Global"} & set(spec.get("Mode") or {}))


def fingerprint(spec: Spec) -> str:
    """Tells two specifications apart by all but image, scale and our own labels."""
    return sha256(json.dumps(_comparable(spec), sort_keys=True).encode()).hexdigest()[:32]


def _comparable(spec: Spec) -> dict[str, Any]:
    kept = copy.deepcopy(dict(spec))
    template = kept.get("TaskTemplate", {})
    template.pop("ForceUpdate", None)
    template.get("ContainerSpec", {}).pop("Image", None)
    ((kept.get("Mode") or {}).get("Replicated") or {}).pop("Replicas", None)
    labels = kept.get("Labels") or {}
    kept["Labels"] = {name: value for name, value in labels.items() if name not in (SPEC_LABEL, SCALE_LABEL)}
    found: dict[str, Any] = _filled(kept)
    return found


def _filled(value: Any) -> Any:
    """Leave out what is empty: clients differ in whether they send it."""
    if isinstance(value, Mapping):
        kept = {name: _filled(each) for name, each in value.items()}
        return {
            name: each for name, each in kept.items() if each not in (None, "", 0, False) and each != {} and each != []
        }
    return [_filled(each) for each in value] if isinstance(value, list) else value


def drift(spec: Spec, before: Spec | None) -> str:
    """What was changed since the last deployment beside the image; empty where nothing was, or nobody can tell.

    :param before: the specification before the latest change, if the engine has it: it tells what was changed.
    """
    labels = spec.get("Labels") or {}
    told = []
    was, now = labels.get(SCALE_LABEL, ""), scale(spec)
    if was and now is not None and was != str(now):
        told.append(f"scaled from {was} to {now}")
    if labels.get(SPEC_LABEL) and labels[SPEC_LABEL] != fingerprint(spec):
        known = before is not None and fingerprint(before) == labels[SPEC_LABEL]
        changed = list(differences(_comparable(before), _comparable(spec))) if known and before is not None else []
        told.append("its specification was changed" + (f" ({', '.join(changed[:5])})" if changed else ""))
    return " and ".join(told)


def as_deployed(spec: Spec, before: Spec | None) -> tuple[Spec, list[str], str]:
    """The specification as the last deployment left it, as far as that is known; what was put back; what cannot be.

    :param before: the specification before the latest change, if the engine has it.
    """
    labels = spec.get("Labels") or {}
    wanted, put_back, unknown = copy.deepcopy(dict(spec)), [], ""
    if labels.get(SPEC_LABEL) and labels[SPEC_LABEL] != fingerprint(spec):
        if before is not None and fingerprint(before) == labels[SPEC_LABEL]:
            put_back.append(", ".join(differences(_comparable(before), _comparable(spec))))
            wanted = copy.deepcopy(dict(before))
        else:
            unknown = (
                "runs the image that it should, but its specification was changed more than once, and the engine does not"
                " know any more what it was: set it back by hand, or deploy a new release, which takes it as it is"
            )
    was, now = labels.get(SCALE_LABEL, ""), scale(spec)
    if was.isdecimal() and now is not None:
        wanted["Mode"]["Replicated"]["Replicas"] = int(was)
        if int(was) != now:
            put_back.append(f"scaled from {now} to {was}")
    return wanted, put_back, unknown


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """The places where two values differ: `TaskTemplate.ContainerSpec.Env`."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}):
            yield from differences(one.get(name), other.get(name), f"{at}.{name}" if at else str(name))
    elif one != other and (one or other):
        yield at


def policy(spec: Spec) -> str:
    """How the service is updated, in words: what the engine will do, defaults filled in (docs.docker.com, service update)."""
    config = spec.get("UpdateConfig") or {}
    tasks = scale(spec)
    count = "a task on every node" if tasks is None else f"{tasks} task{'s' * (tasks != 1)}"
    parallel = config.get("Parallelism", 1)
    return (
        f"{count}, {parallel or 'all'} at a time, {config.get('Order', 'stop-first')}, "
        f"{_seconds(config.get('Delay', 0))} between them, watched for {_seconds(config.get('Monitor') or 5 * 10**9)}, "
        f"on failure: {config.get('FailureAction', 'pause')}"
    )


def health_check(spec: Spec, image: Mapping[str, Any] | None) -> str:
    """The health check that is in force and where it comes from, in words.

    :param image: what the engine tells of the image; None where it does not have it.
    """
    own = spec.get("TaskTemplate", {}).get("ContainerSpec", {}).get("Healthcheck") or {}
    of_image = ((image or {}).get("Config") or {}).get("Healthcheck") or {}
    test = own.get("Test") or of_image.get("Test") or []
    if not test or test[0] == "NONE":
        return "none: a task counts as well as soon as it runs"
    both = {**of_image, **{name: value for name, value in own.items() if value}}
    command = test[1] if test[0] == "CMD-SHELL" and len(test) > 1 else " ".join(test[1:])
    source = "of the service" if own.get("Test") else "of the image"
    return (
        f"`{command}` {source}, every {_seconds(both.get('Interval') or 30 * 10**9)}, "
        f"{_seconds(both.get('Timeout') or 30 * 10**9)} each, {both.get('Retries') or 3} in a row, "
        f"after {_seconds(both.get('StartPeriod') or 0)} to start"
    )


def _seconds(nanoseconds: int) -> str:
    seconds = timedelta(microseconds=nanoseconds / 1000).total_seconds()
    return f"{seconds:g} s"
