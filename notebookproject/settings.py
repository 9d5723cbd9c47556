"""Django's settings. What differs between installations comes from the environment (see README)."""

from __future__ import annotations

import dj_database_url

from . import environment
from .postgres import EmbeddedPostgres

BASE_DIR = environment.ROOT
CASCADE_DATA_DIR = environment.data_directory()
CASCADE_KERNEL_RULES = environment.kernel_rules()
SECRET_KEY = environment.secret_key()
DEBUG = False

CASCADE_KERNEL_PACKAGES = environment.kernel_packages()
CASCADE_CULL_IDLE_AFTER, CASCADE_CULL_IDLE_WATCHED_AFTER = environment.culling()

HOST = environment.host()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver", *environment.words("CASCADE_ALLOWED_HOSTS")]
if HOST not in ("0.0.0.0", "::"):
    ALLOWED_HOSTS.append(HOST)
CSRF_TRUSTED_ORIGINS = environment.words("CASCADE_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "notebooks_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "notebookproject.content_security.ContentSecurityPolicyMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "notebookproject.urls"
ASGI_APPLICATION = "notebookproject.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database_url() -> str:
    """The team's server if there is one, otherwise the embedded one."""
    given = environment.database_url()
    if given:
        return given
    embedded = EmbeddedPostgres(CASCADE_DATA_DIR / "postgres")
    return embedded.url() if embedded.exists() else "postgresql://postgres@127.0.0.1:5432/cascade"


# each request has a thread of its own under ASGI: a connection that is kept would be of use to nobody, and stay
DATABASES = {"default": dj_database_url.parse(_database_url(), conn_max_age=0)}

REDIS_URL = environment.redis_url()
if REDIS_URL:
    _LAYER = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
else:
    # the layer drops silently what is over its capacity: it must be no limit in practice
    _LAYER = {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1_000_000}}
CHANNEL_LAYERS = {"default": _LAYER}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "library"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}, "django.channels.server": {"level": "WARNING"}},
}
