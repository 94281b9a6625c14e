"""Who this plugin is: the way to the services of the chaos test, found by entry point as a stranger's plugin is."""

from core.api import PluginConfig


class ChaosConfig(PluginConfig):
    name = "tests.chaos.plugin"
    label = "chaos"
    verbose_name = "Chaos"

    def ready(self) -> None:
        from core.engine import worker
        from core.services import messages

        # Hundreds of faults: what is put off is tried again in seconds where it would be minutes.
        worker.FIRST_RETRY = 2
        messages._FIRST_RETRY = 2
        messages._GAPS = {"source": 0.2, "notifier": 0.2}
        super().ready()
