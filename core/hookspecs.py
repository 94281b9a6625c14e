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
    from ninja import Router

    from core.additions import Page, PluginSettings
    from core.interfaces import Builder, Deployer, Gate, InputReader, Login, Notifier, Source, Step
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

    Called once in each process, at its start. A gate stands before the services that are declared with it, or before
    all of them if it says so (`always`); any of them can hold a deployment. A kind that another plugin offered already
    makes this plugin broken.

    :returns: one instance of each.
    """
    return ()


@hookspec
def deployer_register_steps() -> Sequence[Step]:
    """Offer things to do before a service is moved, and after it.

    Called once in each process, at its start. A kind that another plugin offered already makes this plugin broken.

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
def deployer_register_settings() -> Sequence[type[PluginSettings]]:
    """Offer settings: variables of the environment, which are checked at the start and listed in the reference.

    Called once in each process, at its start. A setting that is wrong is told by `manage.py check` and `doctor`; what
    happens where it is read is up to the plugin.

    :returns: the classes; each has an `env_prefix` that begins with `DEPLOYER_` and the plugin's name.
    """
    return ()


@hookspec
def deployer_register_pages() -> Sequence[Page]:
    """Offer entries of the navigation, for pages that the plugin has in its module `urls`.

    Called once in each process, at its start. The addresses of that module are found below `/plugins/<plugin>/`, in the
    namespace that is called like the plugin. One that does not exist is left out of the navigation.

    :returns: the entries, in their order.
    """
    return ()


@hookspec
def deployer_register_routers() -> Sequence[Router]:
    """Offer operations of the HTTP API: routers of django-ninja, found below `/api/plugins/<plugin>/`.

    Called once in each process that serves the API. They are part of its description, and answer errors as all others do.
    An exception is logged against the plugin and leaves them out.

    :returns: the routers.
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
