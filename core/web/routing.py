"""Where the websockets are."""

from django.urls import path

from core.web.consumers import EventsConsumer, LogConsumer

websocket_urlpatterns = [
    path("ws/events", EventsConsumer.as_asgi()),
    path("ws/jobs/<int:pk>/log", LogConsumer.as_asgi()),
]
