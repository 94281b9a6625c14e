"""Where this plugin joins in."""

from core.api import Notifier, hookimpl
from plugins.slack.notifier import SlackNotifier


@hookimpl
def deployer_register_notifiers() -> list[Notifier]:
    return [SlackNotifier()]
