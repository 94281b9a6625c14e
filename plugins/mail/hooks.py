"""Where this plugin joins in."""

from core.api import Notifier, hookimpl
from plugins.mail.notifier import MailNotifier


@hookimpl
def deployer_register_notifiers() -> list[Notifier]:
    return [MailNotifier()]
