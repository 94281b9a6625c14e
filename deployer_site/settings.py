"""Django's settings, made from the environment. No logic: see `core.configuration` for what can be set."""

import sys
from pathlib import Path

import dj_email_url

import core
from core import configuration, journal, secrets
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
CSRF_FAILURE_VIEW = "core.web.expired.csrf_failure"
# Over plain HTTP a browser would not send them back: the demo has no TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = DEPLOYER.origin.startswith("https:")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Sent when somebody follows a link to here, and with nothing else that another site begins.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# A year, in seconds. Django says it only where the request came by TLS.
SECURE_HSTS_SECONDS = 31_536_000 if SESSION_COOKIE_SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The proxy that speaks TLS sends people there; other names below the host's are not this deployer's to decide about.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "overview"

INSTALLED_APPS = [
    "core.apps.CoreConfig",
    *plugins.installed_apps(DEPLOYER.disabled_plugins),
    "channels",
    "django_q",
    "core.admin_site.DeployerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "core.web.security.ContentSecurity",
    "core.rest.problems.ApiProblems",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.web.measuring.Measuring",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.rest.tokens.TokenAuthentication",
    "core.web.private.PrivatePages",
    "core.rest.private.PrivateApi",
    "core.web.plugin_pages.SwitchedOff",
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
    "default": {"BACKEND": "core.layers.LocalChannelLayer", "CONFIG": {"directory": str(DEPLOYER.run_dir / "layer")}}
}
if DEPLOYER.redis_url:
    # Its library takes a twentieth of a start, and the embedded default has no use for it.
    from core import redis_host

    # The core Redis layer lost messages in every measured run; the pub/sub one lost none.
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis_host.host(DEPLOYER.redis_url, DEPLOYER.lease_seconds)]},
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

secrets.remember([*DEPLOYER.secrets(), SECRET_KEY])
LOGGING = journal.configuration(DEPLOYER.log_format, DEPLOYER.log_level)
