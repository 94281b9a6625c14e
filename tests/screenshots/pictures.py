"""Which pages have a picture, and which have none and why. A page that is in neither list fails a test."""

from __future__ import annotations

from typing import NamedTuple


class Picture(NamedTuple):
    """One picture.

    :param page: the name of the page's address.
    :param path: what else is in the address, or another address of that page; with keys in braces.
    :param dark: in dark colours; `phone`: as wide as a phone.
    :param tall: pixels, where the whole page would be too much or too little.
    :param ready: a selector of what has to be there first.
    """

    name: str
    page: str
    path: str = ""
    dark: bool = False
    phone: bool = False
    tall: int = 900
    ready: str = "main"


PICTURES = (
    Picture("overview", "overview", tall=1000),
    Picture("overview-dark", "overview", dark=True, tall=1000),
    Picture("overview-phone", "overview", phone=True),
    Picture("services", "services"),
    Picture("repository", "repository"),
    Picture("flavour", "flavour"),
    Picture("commit", "commit", tall=760),
    Picture("ref", "ref", tall=760),
    Picture("compare", "compare", "/targets/{targets}/compare?from={rollback}&to={releases}", tall=620),
    Picture("search", "search", "/search/?q=payment", tall=800),
    Picture("service", "service", tall=1050),
    Picture("service-phone", "service", phone=True),
    Picture("service-drifted", "service", "/services/{drifted}/", tall=760),
    Picture("roll-back", "roll-back", tall=560),
    Picture("redeploy", "redeploy", tall=560),
    Picture("build", "build", tall=560),
    Picture("release", "release", tall=760),
    Picture("deployments", "deployments"),
    Picture("deployment", "deployment", tall=700),
    Picture("deployment-taken-back", "deployment", "/deployments/{taken_back}/", tall=620),
    Picture("jobs", "jobs"),
    Picture("job-failed", "job", tall=1100, ready="#log .row"),
    Picture("job-failed-phone", "job", phone=True, ready="#log .row"),
    Picture("job-running", "job", "/jobs/{running}/", dark=True, tall=760, ready="#log .row"),
    Picture("job-waiting", "job", "/jobs/{waiting}/", tall=800),
    Picture("service-held", "service", "/services/{held}/", tall=1000),
    Picture("activity", "activity", tall=560),
    Picture("webhooks", "deliveries", tall=700),
    Picture("pools", "pools", tall=620),
    Picture("processes", "processes", tall=1000),
    Picture("tokens", "tokens", tall=760),
    Picture("settings", "settings", tall=1500),
    Picture("plugins", "plugins", tall=1000),
    Picture("add-a-service", "guided", "/admin/core/service/add-a-service/", tall=900),
    Picture("login", "login", tall=520),
)
#: Pages without a picture, and why.
WITHOUT = {
    "login-elsewhere": "only posted to",
    "login-callback": "leads on at once",
    "log": "a log as plain text",
    "commit-by-hash": "leads on to the commit's page",
    "repository-diagram": "the drawing on the repository's page, by itself",
    "flavour-diagram": "the drawing on the flavour's page, by itself",
}
