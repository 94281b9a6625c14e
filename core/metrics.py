"""What the core counts and times of itself. What is read from the database at `/metrics`: `core.queries.metrics`."""

from __future__ import annotations

from core.measures import CoreCounter, CoreHistogram

JOBS = CoreCounter("jobs_finished", "Jobs that came to their end.", ("kind", "outcome"))
DEPLOYMENTS = CoreCounter("deployments_finished", "Deployments that came to their end.", ("flavour", "outcome"))
REPAIRS = CoreCounter(
    "repairs_finished", "Deployments to put drift right that came to their end.", ("flavour", "by", "outcome")
)
QUEUED = CoreHistogram("job_queue_seconds", "From when a job was queued until it started first.", ("kind",))
RAN = CoreHistogram("job_run_seconds", "The last attempt of jobs that ended.", ("kind", "outcome"))
CALLS = CoreHistogram(
    "call_seconds",
    "What plugins were asked for: role and kind say whom, operation what.",
    ("role", "kind", "operation", "outcome"),
)
RECONCILED = CoreHistogram("reconcile_seconds", "Evaluating what changed in a repository, up to 50 refs at a time.")
WEBHOOKS = CoreCounter(
    "webhooks",
    "Webhooks that arrived: accepted, repeated or refused.",
    ("source", "outcome"),
)
#: There are many routes: no more buckets than say whether a page is slow.
_PAGE = (0.01, 0.03, 0.06, 0.1, 0.25, 0.5, 1.0, 5.0)
REQUESTS = CoreHistogram(
    "http_request_seconds", "Requests to the web, by route.", ("route", "method", "status"), bounds=_PAGE
)
LOGINS_FAILED = CoreCounter("logins_failed", "Logins that were refused.", ("provider",))
PACKED = CoreCounter("logs_packed", "Logs of jobs that were packed, or moved to where they are kept.")
TIDIED = CoreCounter("tidied", "What nobody needed any more and was removed.", ("kind",))
FREED = CoreCounter("freed_bytes", "Room that was taken by what was removed, as far as it is known.")
HINTS_LOST = CoreCounter("hints_lost", "Hints that the channel layer did not take: each costs a second.")
