"""Django's settings, made from the environment. No logic: see `core.configuration` for what can be set."""

import sys
from pathlib import Path

import dj_email_url

import core
from core import configuration
from core.errors import ConfigurationError
from core.plugins import plugins

try:
    DEPLOYER = configuration.read()
except ConfigurationError as error:
    sys.exit(f"The environment is wrong.\n{error}")

SECRET_KEY = DEPLOYER.signing_key()
DEBUG = DEPLOYER.debug
ALLOWED_HOSTS = DEPLOYER.allowed_hosts
ROOT_URLCONF = "deployer_site.urls"
ASGI_APPLICATION = "deployer_site.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
WEB = Path(core.__file__).parent / "web"
STATIC_URL = "/static/"
STATICFILES_DIRS = [WEB / "static"]
LOGIN_URL = "login"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "core.queries.permissions.RoleBackend"]
# A proxy may speak TLS to people and plain HTTP to this process, which then takes its own address for another one.
CSRF_TRUSTED_ORIGINS = [DEPLOYER.origin]
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "overview"

INSTALLED_APPS = [
    "core.apps.CoreConfig",
    *plugins.installed_apps(DEPLOYER.disabled_plugins),
    "channels",
    "django_q",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.rest.tokens.TokenAuthentication",
    "core.web.private.PrivatePages",
    "core.rest.private.PrivateApi",
    "core.rest.idempotency.IdempotencyKeys",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [WEB / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["core.web.templatetags.deployer"],
        },
    }
]

DATABASES = {"default": DEPLOYER.database()}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CHANNEL_LAYERS = {
    "default": {
        # The core Redis layer lost messages in every measured run; the pub/sub one lost none.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": DEPLOYER.redis_url, "socket_timeout": None}]},
    }
    if DEPLOYER.redis_url
    else {"BACKEND": "core.layers.LocalChannelLayer", "CONFIG": {"directory": str(DEPLOYER.run_dir / "layer")}}
}

Q_CLUSTER = {
    "name": "deployer",
    "workers": 1,
    "recycle": 500,
    "timeout": 120,
    # Well over `timeout`: a task that waits in a worker's queue must not be handed out a second time.
    "retry": 600,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 200,
    "label": "Schedules",
    "orm": "default",
    "poll": 1.0,
    **({"redis": DEPLOYER.redis_url, "orm": None} if DEPLOYER.redis_url else {}),
}

# A mail that goes nowhere shows among the process's own messages.
MAIL = dj_email_url.parse(DEPLOYER.email_url or "console:")
EMAIL_BACKEND = MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = MAIL["EMAIL_HOST"], MAIL["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL["EMAIL_HOST_USER"], MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL["EMAIL_USE_TLS"], MAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = DEPLOYER.email_sender

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": DEPLOYER.log_level},
    # One line for every question to an engine would hide all others.
    "loggers": {"httpx": {"level": "WARNING"}},
}
