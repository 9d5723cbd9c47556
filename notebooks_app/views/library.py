"""The library: the notebooks that one may see, and what can be done to them as a whole."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from notebooks_app.access import Role, get_deleted_notebook, get_notebook, usable_connections, visible_notebooks
from notebooks_app.forms import MAX_TITLE, TitleForm
from notebooks_app.live import gateway
from notebooks_app.models import Cell, Membership, Notebook, Session

LONGEST_SEARCH = 200


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All notebooks of mine, or those whose title, owner or code has all the words of `q`."""
    query = request.GET.get("q", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    live = Session.objects.filter(notebook=OuterRef("pk"), expires__gt=timezone.now()).exclude(kernel_handle="")
    notebooks = visible_notebooks(request.user).annotate(is_running=Exists(live))
    for word in query.split():
        in_code = Cell.objects.filter(notebook=OuterRef("pk"), deleted_at=None, code__icontains=word)
        notebooks = notebooks.filter(Q(title__icontains=word) | Q(owner__username__icontains=word) | Exists(in_code))
    context = {
        "notebooks": notebooks,
        "query": query,
        "owned": _mine(request, Membership.Role.OWNER),
        "editable": _mine(request, Membership.Role.OWNER, Membership.Role.EDITOR),
    }
    htmx = request.htmx  # type: ignore[attr-defined]
    fragment = htmx and not htmx.history_restore_request
    response = render(request, "library/_list.html" if fragment else "library/index.html", context)
    patch_vary_headers(response, ["HX-Request"])  # browsers keep both under one address
    return response


def _mine(request: HttpRequest, *roles: str) -> set[UUID]:
    """The notebooks that one owns, or has one of these roles in."""
    member = Q(user=request.user) | Q(group__user=request.user)
    memberships = Membership.objects.filter(member, role__in=roles)
    notebooks = Notebook.objects.filter(Q(owner=request.user) | Q(memberships__in=memberships))
    return set(notebooks.values_list("pk", flat=True))


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    form = TitleForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"The notebook was not created. {_first(form)}")
        return redirect("library")
    notebook = Notebook.create(form.cleaned_data["title"], request.user)
    return redirect("notebook", notebook.pk)


@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    """Editors may, as they may in the notebook itself."""
    notebook = get_notebook(request.user, notebook_id, Role.EDITOR)
    form = TitleForm(request.POST or None, initial={"title": notebook.title})
    if request.method == "POST" and form.is_valid():
        gateway.rename(str(notebook.pk), request.user, form.cleaned_data["title"])  # type: ignore[arg-type]
        return redirect("library")
    status = 400 if form.is_bound else 200
    return render(request, "library/rename.html", {"notebook": notebook, "form": form}, status=status)


@require_POST
def duplicate(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    """A copy of text and settings that belongs to who asked for it. A password goes along only with its owner."""
    original = get_notebook(request.user, notebook_id, Role.VIEWER)
    fields = ("cell_type", "code", "disabled", "manual", "code_hidden", "output_name", "connection")
    cells = Cell.objects.filter(notebook=original, deleted_at=None).order_by("position").values(*fields)
    copy = Notebook.create(f"Copy of {original.title}"[:MAX_TITLE], request.user, list(cells))
    copy.execution_mode, copy.auto_run_delay = original.execution_mode, original.auto_run_delay
    if original.connection_id and usable_connections(request.user).filter(pk=original.connection_id).exists():
        copy.connection = original.connection
    if original.role is Role.OWNER:
        copy.connection_secret = original.connection_secret
    copy.save(update_fields=["execution_mode", "auto_run_delay", "connection", "connection_secret"])
    messages.success(request, f"“{copy.title}” is yours.")
    return redirect("notebook", copy.pk)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    """Asks first; a deleted notebook can be brought back."""
    notebook = get_notebook(request.user, notebook_id, Role.OWNER)
    if request.method == "GET":
        return render(request, "library/delete.html", {"notebook": notebook})
    notebook.deleted_at = timezone.now()
    notebook.save(update_fields=["deleted_at"])
    gateway.close(str(notebook.pk), "This notebook was deleted.")
    messages.success(request, f"“{notebook.title}” was deleted.", extra_tags=f"undo {notebook.pk}")
    return redirect("library")


@require_POST
def undelete(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    notebook = get_deleted_notebook(request.user, notebook_id)
    notebook.deleted_at = None
    notebook.save(update_fields=["deleted_at"])
    messages.success(request, f"“{notebook.title}” is back.")
    return redirect("library")


def _first(form: TitleForm) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
