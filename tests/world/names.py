"""What the world is made of, as data."""

from __future__ import annotations

from typing import NamedTuple

#: Of who looks: an admin of everything, by the name `operator`.
PASSWORD = "open sesame"


class Place(NamedTuple):
    """A repository, the branch that is deployed, and its services with what befell each.

    :param services: name, host, and a word: fine, unhealthy, drift, failed, moving, queued, approval, locked, new.
    """

    repository: str
    branch: str
    services: tuple[tuple[str, str, str], ...]


ACME = (
    Place("acme/shop", "live", (("shop", "web1", "fine"), ("shop", "web2", "unhealthy"))),
    Place("acme/shop-api", "live", (("shop-api", "web1", "moving"),)),
    Place("acme/accounts", "production", (("accounts", "web1", "approval"), ("accounts-admin", "web1", "fine"))),
    Place("acme/search", "live", (("search", "search1", "failed"), ("search", "search2", "queued"))),
    Place("acme/payments", "live", (("payments", "vault1", "locked"),)),
    Place("acme/warehouse", "live", (("warehouse", "web2", "drift"), ("warehouse-reports", "web2", "fine"))),
    Place("acme/mailer", "live", (("mailer", "web3", "fine"),)),
    Place(
        "acme/a-repository-whose-name-is-longer-than-any-column-of-any-table",
        "release/of-the-year-with-a-long-name",
        (("customer-relationship-synchronisation-worker", "batch1.internal.acme.example", "fine"),),
    ),
    Place(
        "acme/assistants",
        "live",
        tuple((f"assistant-{name}", f"edge{n}", "fine") for n, name in enumerate(("berlin", "lyon", "oslo", "porto"))),
    ),
    Place(
        "acme/tools",
        "live",
        tuple(
            (name, "tools1", "fine")
            for name in (
                "calendar",
                "chat",
                "forms",
                "images",
                "metrics",
                "paste",
                "polls",
                "status",
                "translate",
                "wiki",
            )
        ),
    ),
)
DOCS = (
    Place("docs/handbook", "live", (("handbook", "", "fine"),)),
    Place("docs/website", "live", (("website", "", "fine"), ("website-preview", "", "new"))),
    Place("docs/package-index", "live", (("packages", "", "moving"),)),
)

#: Title and author of commits, taken in turn.
COMMITS = (
    ("Show the price with taxes in every country", "Noor Haddad <noor@acme.example>"),
    ("Retry a payment that timed out, once", "Ines Ferreira <ines@acme.example>"),
    ("Index titles before bodies", "Tomasz Nowak <tomasz@acme.example>"),
    ("Bump the base image to Debian 13", "Renovate <bot@acme.example>"),
    ("Fix the total of an empty basket (#412)", "Aiko Tanaka <aiko@acme.example>"),
    ("Say what went wrong when a card is refused", "Ines Ferreira <ines@acme.example>"),
    ("Cache thumbnails for a day", "Jonas Weber <jonas@acme.example>"),
    ("Leave out <script>alert('hello')</script> & other markup", "Mallory <b>Bold</b> <m@elsewhere.example>"),
)
#: Other refs of a repository: name, whether it is trusted, and how its check build is.
REFS = (
    ("main", True, "succeeded"),
    ("faster-search", True, "running"),
    ("feature/a-branch-with-a-name-that-goes-on-and-on-until-it-fits-nowhere", True, "failed"),
    ("refs/pull/412/head", False, "succeeded"),
    ("refs/pull/415/head", False, "queued"),
)
