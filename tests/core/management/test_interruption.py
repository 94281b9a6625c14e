"""Ctrl-C while a command starts."""

from __future__ import annotations

import os
import signal
import weakref

import pytest

from core.management.interruption import Interruption


class Thing:
    """Something that can be watched while it is tidied up."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_without_a_traceback(number: int) -> None:
    interruption = Interruption()
    former = signal.getsignal(number)
    with interruption.caught():
        interruption.begin()
        os.kill(os.getpid(), number)
        raise AssertionError("goes on after the signal")
    assert interruption.asked
    assert signal.getsignal(number) is former


def test_a_signal_whose_exception_python_drops_is_remembered(capfd: pytest.CaptureFixture[str]) -> None:
    interruption = Interruption()
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    went_on = False
    with interruption.caught():
        interruption.begin()
        del thing
        went_on = True
    assert reference() is None
    assert (went_on, interruption.asked) == (True, True), "Python drops it; if it no longer does, this can go"
    assert capfd.readouterr().err == ""


def test_a_signal_before_the_block_begins_ends_it_as_it_begins() -> None:
    interruption = Interruption()
    with interruption.caught():
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked
        interruption.begin()
        raise AssertionError("goes on after the signal")
