"""The `deployer` command, and what `manage.py` runs."""

import os
import select
import signal
import sys

from core import liveness

#: What a shell tells of a program that SIGPIPE ended.
_NOBODY_READS = 128 + signal.SIGPIPE


def main() -> None:
    if sys.argv[1:2] == ["healthy"] and sys.argv[2:] not in (["-h"], ["--help"]):
        # A health check runs every few seconds: loading Django and the plugins for it would take a second each time.
        sys.exit(liveness.main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        sys.exit(_NOBODY_READS)


def _nobody_reads() -> bool:
    """Whether it was the output that broke (`… | head`), and not a connection; nothing is written to it any more then."""
    output = sys.stdout.fileno()
    poll = select.poll()
    poll.register(output, 0)
    if not poll.poll(0):
        return False
    # What is left in the buffer is written at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True
