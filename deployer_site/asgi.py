"""The ASGI application: pages over HTTP, live logs over websockets."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")

from django.core.asgi import get_asgi_application

# Django has to be ready before anything that imports models.
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from core.followers import counted  # noqa: E402
from core.web.intake import webhooks_first  # noqa: E402
from core.web.private import guarded  # noqa: E402
from core.web.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": webhooks_first(http),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(guarded(counted(URLRouter(websocket_urlpatterns))))
        ),
    }
)
