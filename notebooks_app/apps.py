"""The application's configuration."""

from django.apps import AppConfig


class NotebooksConfig(AppConfig):
    name = "notebooks_app"
    verbose_name = "Notebooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import signals  # noqa: F401, PLC0415  (connects receivers; models must be loaded first)
