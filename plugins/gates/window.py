"""Freeze windows: a calendar of times in which nothing is deployed."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from core import api
from core.api import DeploymentQuestion, Gate, GateOptions, Hold
from plugins.gates.calendar import held_until, parse


def _window(text: str) -> str:
    parse(text)
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; it is a name like `Europe/Paris`") from None
    return name


class WindowOptions(GateOptions):
    """When nothing is deployed."""

    windows: tuple[Annotated[str, AfterValidator(_window)], ...] = Field(
        min_length=1,
        description="Times of the week (`Fri 16:00–Mon 08:00`) and dates (`2026-12-24`, `2026-12-20 to 2027-01-04`).",
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="The time zone of these times, by its IANA name: `Europe/Paris`."
    )
    reason: str = Field("", max_length=500, description="Why, for everybody who waits.")


class WindowGate(Gate):
    """Holds deployments in times of the week and on dates, in a time zone."""

    kind = "window"
    Options = WindowOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, WindowOptions)
        return f"window {', '.join(options.windows)} ({options.zone})"

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        assert isinstance(options, WindowOptions)
        zone = ZoneInfo(options.zone)
        end = held_until([parse(each) for each in options.windows], question.now, zone)
        if end is None:
            return None
        there = end.astimezone(zone)
        why = f": {options.reason.rstrip('.')}" if options.reason else ""
        return Hold(reason=f"nothing is deployed until {there:%a %Y-%m-%d %H:%M} in {options.zone}{why}", until=end)
