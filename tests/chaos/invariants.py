"""What must hold after each fault, read from the database by the observer and from the journal outside. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from core.logs.store import LogStore
from tests.chaos.plugin.roles import LINES, digest_of

#: Seconds after which what was held up on its way has arrived.
LATE = 5.0
_LINE = re.compile(r"line (\d+) of ([0-9a-f]{16}) x{50} end")

Event = Mapping[str, Any]


@dataclass
class History:
    """When what was broken, in the journal's time: what a process could not know, and could not say.

    :ivar paused: by host: from when until when it stood still, and could not know that another had taken over.
    :ivar mute: by host: from when on it may have been unable to say outside that it ended something.
    :ivar killed: by host: when processes there were killed.
    """

    paused: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    mute: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    killed: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def delayed(self, at: float) -> bool:
        """Whether what arrived at a time may have been sent long before: by somebody who stood still or was cut off."""
        broken = [*chain.from_iterable(self.paused.values()), *chain.from_iterable(self.mute.values())]
        return any(start <= at <= end + LATE for start, end in broken)

    def excuses(self, host: str, begun: float, until: float) -> bool:
        """Whether whoever began something on a host could not end it, or not say so."""
        broken = [*self.paused[host], *self.mute[host]]
        return any(start <= until and end >= begun for start, end in broken) or any(
            begun <= at <= until for at in self.killed[host]
        )


def undone(
    seen: Mapping[str, Any],
    heads: Mapping[str, Mapping[str, str]],
    images: Mapping[str, str],
    services_of: Mapping[str, str],
    running: Mapping[str, Event],
) -> Iterator[str]:
    """What has still to be done before everything is as it should be; one sentence each.

    :param heads: by repository, the commit of each ref.
    :param images: by repository.
    :param services_of: the repository of each service.
    :param running: what really runs outside, by service.
    """
    if "error" in seen:
        yield f"the database cannot be asked: {seen['error']}"
        return
    if seen["stale"]:
        yield f"repositories {seen['stale']} have to be looked through again"
    if seen["starts"] or seen["cancels"]:
        yield f"{seen['starts']} operations are to be started, {seen['cancels']} jobs to be cancelled"
    for job in seen["active"]:
        yield f"job {job['id']} ({job['title']}) is {job['state']}: {job['reason']}"
    for node in seen["undone"]:
        if node["status"] != "cancelled" or "check" not in node["node"]:
            yield f"{node['repository']}: {node['node']} of {node['commit'][:10]} is {node['status']}: {node['reason']}"
    for key, failures, error in seen["unsent"]:
        yield f"message {key} is not sent ({failures} failures: {error})"
    for name, refs in heads.items():
        if seen["repositories"][name]["refs"] != refs:
            yield f"{name} was not looked at since its refs moved: {seen['repositories'][name]['error']}"
    back = {(row["service"], row["away_from"]): row["commit"] for row in seen["rollbacks"]}
    for service, repository in services_of.items():
        head = heads[repository]["refs/heads/live"]
        wanted = digest_of(images[repository], back.get((service, head), head))
        state = seen["services"][service]
        if running[service]["moving"] or running[service]["digest"] != wanted:
            yield f"{service} runs {running[service]['digest']} outside, and {wanted} should run: {state['reason']}"
        if state["digest"] != wanted:
            yield f"{service} runs {state['digest']} as the database has it, and {wanted} should run"


def silent(seen: Mapping[str, Any]) -> Iterator[str]:
    """What waits and does not say why."""
    for job in seen.get("active", ()):
        if job["state"] == "queued" and not job["reason"]:
            yield f"job {job['id']} ({job['title']}) waits without a reason"
    for node in seen.get("undone", ()):
        if not node["reason"]:
            yield f"{node['repository']}: {node['node']} is {node['status']} without a reason"


def faults_of_moves(
    events: Sequence[Event], numbers: Mapping[str, int], rollbacks: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Moves that should not have been: two at once, to something older, twice to the same.

    :param numbers: the number of each digest's commit; later ones have greater numbers.
    :param rollbacks: the digests that people asked to go back to, by service.
    """
    last: dict[str, str] = {}
    for event in events:
        if event["event"] == "overlap":
            yield f"two moves of {event['service']} at once"
        if event["event"] != "move":
            continue
        service, digest = event["service"], event["digest"]
        before = last.get(service)
        last[service] = digest
        if digest == before:
            yield f"{service} was moved twice to {digest}"
        elif before and numbers[digest] < numbers[before] and digest not in rollbacks.get(service, ()):
            yield f"{service} was moved back from {numbers[before]} to {numbers[digest]}, and nobody asked for it"


def faults_of_attempts(events: Iterable[Event], history: History) -> Iterator[str]:
    """Deployments of one service that two runners had in hand at once, where the first could have known better."""
    open: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        if event["event"] == "end":
            open[event["service"]].pop(event["attempt"], None)
        if event["event"] != "begin":
            continue
        others = open[event["service"]]
        for attempt, other in list(others.items()):
            if history.excuses(other["runner"], other["at"], event["at"]):
                del others[attempt]
            else:
                yield (
                    f"{event['runner']} {event['process']} began to move {event['service']} at {event['at']:.2f} while "
                    f"{other['runner']} {other['process']} did, since {other['at']:.2f}"
                )
        others[event["attempt"]] = event


def faults_of_news(
    events: Iterable[Event], deployments: Iterable[Mapping[str, Any]], history: History
) -> Iterator[str]:
    """Deployments that nobody was told the end of, or of which something older was told after the end."""
    told: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["event"] == "tell":
            told[event["key"]].append(event)
    for deployment in deployments:
        # What was on its way when its sender was stopped or cut off, and arrives late, is not another word.
        heard = told[f"deployment-{deployment['id']}"]
        states = [event["state"] for event in heard if not history.delayed(event["at"])]
        if deployment["state"] not in states:
            states = [event["state"] for event in heard]
        if not states or deployment["state"] not in states:
            yield f"that deployment {deployment['id']} is {deployment['state']} was not told; only {states}"
        elif not _within(states, deployment["state"]):
            yield f"of deployment {deployment['id']}, {deployment['state']} by now, this was told: {states}"


def _within(states: Sequence[str], end: str) -> bool:
    """Whether an end is the last word, and no other comes after one."""
    return end in states and set(states[states.index(end) :]) == {end}


def faults_of_calls(calls: Iterable[Any], activities: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Calls whose effect is not there, or there twice."""
    done = Counter(reason for _, reason in activities)
    for call in calls:
        accepted = 200 <= call.status < 300
        if done[call.mark] != accepted:
            yield f"{call.path} ({call.mark}) was answered {call.status} and is there {done[call.mark]} times: {call.answer}"


def faults_of_logs(jobs: Iterable[Mapping[str, Any]], logs: Path, *, torn_up_to: int) -> Iterator[str]:
    """Logs with a line twice, torn or missing.

    :param torn_up_to: up to this job a full disk may have kept parts of lines from being written.
    """
    store = LogStore(logs)
    for job in jobs:
        # Packed or not: what is over is packed after a while.
        if not store.exists(job["log"]):
            if job["state"] in ("succeeded", "failed"):
                yield f"job {job['id']} has {job['state']}, and no log"
            continue
        text = store.read(job["log"], 0, store.size(job["log"])).decode()
        found = _LINE.findall(text)
        if len(set(found)) != len(found):
            yield f"the log of job {job['id']} has lines twice"
        if job["id"] <= torn_up_to:
            continue
        whole = [line for line in text.splitlines() if "xxx" in line]
        if len(whole) != len(found) or not all(_LINE.fullmatch(line) for line in whole):
            yield f"the log of job {job['id']} has torn lines"
        counts = Counter(mark for _, mark in found)
        # What Docker prints is Docker's matter.
        ours = job["kind"] == "build" and not job["title"].startswith("real/")
        if ours and job["state"] == "succeeded" and LINES not in counts.values():
            yield f"the log of job {job['id']} ({job['state']}) lost lines: {dict(counts)}"
        if job["state"] == "succeeded" and "succeeded" not in text:
            yield f"the log of job {job['id']} lost its end"


def faults_of_leases(seen: Mapping[str, Any], seconds: float) -> Iterator[str]:
    """Leases that nobody has any more, and that lie so far ahead that nobody could take over for long."""
    for name, row in seen["repositories"].items():
        if row["lease"] and row["lease"] > seen["now"] + seconds:
            yield f"{name} is leased for another {row['lease'] - seen['now']:.0f} s"
        if row["next_look_at"] > seen["now"] + seconds:
            yield f"{name} is not looked at for another {row['next_look_at'] - seen['now']:.0f} s"
