"""Who may use a notebook: its owner decides."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from notebooks_app.access import Role, get_notebook
from notebooks_app.forms import MemberForm, RoleForm
from notebooks_app.models import Membership, Notebook


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    notebook = get_notebook(request.user, notebook_id, Role.OWNER)
    form = MemberForm(notebook, request.POST or None)
    if request.method == "POST" and form.is_valid():
        member = form.save()
        messages.success(request, f"{member.user or member.group} is {_a(member.get_role_display())} now.")
        return redirect("sharing", notebook.pk)
    members = notebook.memberships.select_related("user", "group").order_by("user__username", "group__name")
    context = {"notebook": notebook, "form": form, "members": members, "roles": Membership.Role.choices}
    return render(request, "notebook/sharing.html", context, status=400 if form.is_bound else 200)


@require_POST
def change(request: HttpRequest, notebook_id: UUID, membership_id: int) -> HttpResponse:
    """Another role, or none with `remove`."""
    notebook = get_notebook(request.user, notebook_id, Role.OWNER)
    member = get_object_or_404(Membership, pk=membership_id, notebook=notebook)
    name = str(member.user or member.group)
    if "remove" in request.POST:
        member.delete()
        messages.success(request, f"{name} no longer has access by this list.")
        return _back(request, notebook)
    form = RoleForm(request.POST, instance=member)
    if form.is_valid():
        form.save()
        messages.success(request, f"{name} is {_a(member.get_role_display())} now.")
    else:
        messages.error(request, "Choose viewer, editor or owner.")
    return _back(request, notebook)


def _back(request: HttpRequest, notebook: Notebook) -> HttpResponse:
    """To the list, or to the library for who has just given up sharing."""
    try:
        get_notebook(request.user, notebook.pk, Role.OWNER)
    except (Http404, PermissionDenied):
        return redirect("library")
    return redirect("sharing", notebook.pk)


def _a(role: str) -> str:
    role = role.lower()
    return f"an {role}" if role[0] in "eo" else f"a {role}"
