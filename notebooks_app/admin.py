"""Django's admin: people and groups, notebooks and who may use them, shared connections, and what was run."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone

from kernel.sql.url import BadUrl, parse

from .live import gateway
from .models import Connection, Membership, Notebook, Session, Statement
from .secrets import encrypt

admin.site.site_header = "Cascade administration"
admin.site.site_title = "Cascade"
admin.site.index_title = "People, notebooks and connections"


_ONE_LINE = {models.TextField: {"widget": AdminTextInputWidget}}


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ["user", "group"]


@admin.register(Notebook)
class NotebookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    formfield_overrides = _ONE_LINE
    list_display = ["title", "owner", "updated_at", "is_deleted"]
    search_fields = ["title", "owner__username"]
    list_filter = ["owner"]
    autocomplete_fields = ["owner"]
    fields = ["title", "owner", "created_at", "updated_at", "deleted_at"]
    readonly_fields = ["created_at", "updated_at", "deleted_at"]
    inlines = [MembershipInline]
    actions = ["bring_back"]

    @admin.display(boolean=True, description="deleted")
    def is_deleted(self, notebook: Notebook) -> bool:
        return notebook.deleted_at is not None

    @admin.action(description="Bring back deleted notebooks", permissions=["change"])
    def bring_back(self, request: HttpRequest, notebooks: Any) -> None:
        notebooks.update(deleted_at=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # the library makes them, with all that belongs to them

    def save_model(self, request: HttpRequest, notebook: Notebook, form: Any, change: bool) -> None:
        """The title of a notebook that may be live goes through its coordinator.

        That has a database connection of its own: it can neither write nor see what this transaction still holds.
        """
        notebook.save(update_fields=["owner"])
        key = str(notebook.pk)
        if "title" in form.changed_data:
            transaction.on_commit(lambda: gateway.rename(key, request.user, notebook.title))  # type: ignore[arg-type]
        if "owner" in form.changed_data:
            transaction.on_commit(lambda: gateway.access_changed([key]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A session goes with its notebook, though nobody may delete it alone."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, needed - {Session._meta.verbose_name}, protected

    def delete_model(self, request: HttpRequest, notebook: Notebook) -> None:
        Notebook.objects.filter(pk=notebook.pk).update(deleted_at=timezone.now())
        gateway.close(str(notebook.pk), "This notebook was deleted.")
        notebook.delete()

    def delete_queryset(self, request: HttpRequest, notebooks: Any) -> None:
        for notebook in notebooks:
            self.delete_model(request, notebook)


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    url = forms.CharField(
        label="URL",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 80}),
        help_text="postgresql://user:password@host:5432/database?sslmode=require — kept encrypted, never shown again.",
    )

    class Meta:
        model = Connection
        fields = [
            "name", "url", "read_only", "statement_timeout", "row_limit", "pool_size", "everyone", "users", "groups",
        ]  # fmt: skip

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if not url:
            if self.instance.secret:
                return ""
            raise forms.ValidationError("A new connection needs its URL.")
        try:
            parse(url)
        except BadUrl as error:
            raise forms.ValidationError(str(error)) from None
        return url


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ConnectionForm
    formfield_overrides = _ONE_LINE
    list_display = ["name", "read_only", "everyone", "statement_timeout", "row_limit", "updated_at"]
    search_fields = ["name"]
    filter_horizontal = ["users", "groups"]

    def save_model(self, request: HttpRequest, connection: Connection, form: Any, change: bool) -> None:
        if form.cleaned_data["url"]:
            connection.secret = encrypt(form.cleaned_data["url"])
        super().save_model(request, connection, form, change)


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, instance: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, instance: Any = None) -> bool:
        return False


@admin.register(Statement)
class StatementAdmin(_ReadOnly):
    list_display = ["at", "user", "notebook", "connection_name", "short", "duration", "rows", "error"]
    list_filter = ["connection_name", "user"]
    search_fields = ["statement", "error"]
    date_hierarchy = "at"

    @admin.display(description="statement")
    def short(self, statement: Statement) -> str:
        return str(statement)


@admin.register(Session)
class SessionAdmin(_ReadOnly):
    list_display = ["notebook", "kind", "is_running", "holder", "expires", "executions"]

    @admin.display(boolean=True, description="kernel")
    def is_running(self, session: Session) -> bool:
        return session.running
