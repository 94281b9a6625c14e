"""What a Deployment says of itself, as `kubectl rollout status` reads it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kubernetes.aio.client import V1Container, V1Deployment, V1DeploymentCondition, V1DeploymentSpec, V1LabelSelector

#: What the controller says when nothing went on for `progressDeadlineSeconds`.
_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
#: What it says once all is as it should be, and from then on.
_COMPLETE = "NewReplicaSetAvailable"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a rollout is.

    :param seen: the controller has seen the newest change; what the numbers say is about that.
    :param updated: pods that are as the Deployment says now.
    :param old: pods that are as it said before.
    :param available: updated or not, that are ready, and were for `minReadySeconds`.
    :param late: why the controller has given the rollout up; empty while it has not.
    :param trouble: why it cannot make pods, such as a quota; empty where it can.
    """

    seen: bool
    wanted: int
    updated: int
    old: int
    available: int
    late: str = ""
    trouble: str = ""

    @property
    def reached(self) -> bool:
        return self.seen and not self.late and self.updated >= self.wanted and self.old <= 0 and self._all_available

    @property
    def _all_available(self) -> bool:
        return self.available >= self.updated

    def __str__(self) -> str:
        if not self.seen:
            return "the cluster has not begun with it"
        if self.updated < self.wanted or self.old > 0:
            return f"{self.updated} of {self.wanted} pods are new, {self.old} old are left"
        return f"{min(self.available, self.wanted)} of {self.wanted} pods are available"


def standing(deployment: V1Deployment, stale: str = "") -> Standing:
    """Read off how far the rollout is.

    :param stale: `given_up` of the rollout before: a controller that has seen the newest change may for a moment still
        say that the one before was given up.
    """
    status, spec = deployment.status, spec_of(deployment)
    generation = (deployment.metadata and deployment.metadata.generation) or 0
    updated = (status and status.updated_replicas) or 0
    failure = condition(deployment, "ReplicaFailure")
    seen = generation <= ((status and status.observed_generation) or 0)
    # Before the controller has seen the newest change, what it says is about the rollout before.
    late = seen and given_up(deployment) not in ("", stale)
    return Standing(
        seen=seen,
        wanted=1 if spec.replicas is None else spec.replicas,
        updated=updated,
        old=((status and status.replicas) or 0) - updated,
        available=(status and status.available_replicas) or 0,
        late=f"nothing went on for {spec.progress_deadline_seconds} s (`progressDeadlineSeconds`)" if late else "",
        trouble=(failure.message or failure.reason or "") if failure and failure.status == "True" else "",
    )


def given_up(deployment: V1Deployment) -> str:
    """When the controller gave a rollout up; empty where it has not."""
    progressing = condition(deployment, "Progressing")
    if progressing is None or progressing.reason != _DEADLINE_EXCEEDED:
        return ""
    return progressing.last_update_time.isoformat() if progressing.last_update_time else "at an unknown time"


def was_complete(deployment: V1Deployment) -> bool:
    """Whether the newest rollout came to its end, whatever became of its pods since."""
    progressing = condition(deployment, "Progressing")
    return progressing is not None and progressing.reason == _COMPLETE


def is_available(deployment: V1Deployment) -> bool:
    """Whether as many pods are available as there have to be at least (`maxUnavailable`)."""
    available = condition(deployment, "Available")
    return available is not None and available.status == "True"


def condition(deployment: V1Deployment, kind: str) -> V1DeploymentCondition | None:
    conditions = (deployment.status and deployment.status.conditions) or ()
    return next((each for each in conditions if each.type == kind), None)


def spec_of(deployment: V1Deployment) -> V1DeploymentSpec:
    assert deployment.spec, "the API answers no Deployment without"
    return deployment.spec


def containers(deployment: V1Deployment) -> dict[str, V1Container]:
    """Its containers by name, without those that initialise a pod."""
    pod = spec_of(deployment).template.spec
    return {each.name: each for each in pod.containers} if pod else {}


def annotations_of(deployment: V1Deployment) -> dict[str, str]:
    return dict((deployment.metadata and deployment.metadata.annotations) or {})


def selector_of(selector: V1LabelSelector) -> str:
    """A selector as the API's query has it: `app=web,tier in (front,back)`."""
    words = [f"{key}={value}" for key, value in sorted((selector.match_labels or {}).items())]
    for each in selector.match_expressions or ():
        values = f"({','.join(each.values or ())})"
        match each.operator:
            case "Exists":
                words.append(each.key)
            case "DoesNotExist":
                words.append(f"!{each.key}")
            case operator:
                words.append(f"{each.key} {operator.lower()} {values}")
    return ",".join(words)
