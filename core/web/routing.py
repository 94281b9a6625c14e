"""Where the websockets are."""

from typing import Any

from django.urls import path

from core.web.consumers import EventsConsumer, LogConsumer

#: Channels takes ASGI applications where Django's own `path` is typed for views.
_consumers: dict[str, Any] = {
    "ws/events": EventsConsumer.as_asgi(),
    "ws/jobs/<int:pk>/log": LogConsumer.as_asgi(),
}
websocket_urlpatterns: list[Any] = [path(route, consumer) for route, consumer in _consumers.items()]
