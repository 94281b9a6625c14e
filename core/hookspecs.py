"""Every hook that a plugin may implement.

`deployer_register_<plural>` offers, once, when the process starts. `deployer_<noun>_<past participle>` hears that
something happened, after it was committed, perhaps twice. `deployer_describe_<noun>` adds to a page. Hooks take values,
never rows. An implementation may leave out arguments that it does not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from core.interfaces import Builder, Deployer, Gate, InputReader, Login, Notifier, Source
    from core.values import LogRule, News, ServicePlace

PROJECT = "deployer"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def deployer_register_sources() -> Sequence[Source]:
    """Offer the places where repositories live.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_builders() -> Sequence[Builder]:
    """Offer ways of turning a commit into an image.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_deployers() -> Sequence[Deployer]:
    """Offer ways of moving a service to a release.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_notifiers() -> Sequence[Notifier]:
    """Offer ways of telling people what happens.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_gates() -> Sequence[Gate]:
    """Offer rules that can hold a deployment back.

    Called once in each process, at its start. Every gate is asked before every deployment; any of them can hold it.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_inputs() -> Sequence[InputReader]:
    """Offer ways of reading facts outside.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_logins() -> Sequence[Login]:
    """Offer accounts elsewhere by which people can log in.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken. The
    kind is what the names of these people begin with, in a flavour's lists: `github:anna`.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_log_rules() -> Sequence[LogRule]:
    """Offer log rules, which name the probable cause of a failure.

    Called once in each process, at its start. A name that another plugin offered already makes this plugin broken. A
    runner makes those that do not exist, and brings up to date those that nobody has edited in the admin.

    :returns: the rules; their names are unique among all plugins.
    """
    return ()


@hookspec
def deployer_job_moved(news: News) -> None:
    """Hear that a job changed its state.

    Called in the process that moved it, after the change is committed, once for each move and perhaps more often after
    a crash: be idempotent and quick. An exception is logged against the plugin and reaches nobody else.

    :param news: the job's key, its new state, one sentence and the address of its page.
    """


@hookspec
def deployer_describe_service(service: ServicePlace) -> Sequence[tuple[str, str]]:
    """Add facts to a service's page.

    Called whenever the page is shown, in a web process: do not talk to the outside. Answers are shown in the order of
    the plugins' names. An exception is logged against the plugin and leaves its facts out.

    :param service: what its deployer knows of it.
    :returns: pairs of a label and a text; a text that is an http(s) address becomes a link.
    """
    return ()
