"""For administrators: the kernels that run, what they use, and how to stop one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from kernel.launch.contract import KernelNotStarted
from notebooks_app.access import require_kernel_administrator, visible_notebooks
from notebooks_app.forms import PackagesForm
from notebooks_app.live import gateway


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The page, or its part that is fetched again every few seconds."""
    require_kernel_administrator(request.user)
    return _render(request)


@require_POST
def stop(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """End one kernel. Whoever has its notebook open is told by whom."""
    require_kernel_administrator(request.user)
    gateway.stop_kernel(str(session_id), request.user)  # type: ignore[arg-type]
    if request.htmx:  # type: ignore[attr-defined]
        return _render(request)
    messages.success(request, "The kernel was stopped.")
    return redirect("kernels")


@require_POST
def packages(request: HttpRequest) -> HttpResponse:
    """Have kernels to come begin with other packages, or with what was installed since under the same names."""
    require_kernel_administrator(request.user)
    form = PackagesForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=400)
    try:
        gateway.use_packages(form.cleaned_data["packages"])
    except KernelNotStarted as error:
        form.add_error("packages", f"The packages stay as they were, since no kernel could begin with these: {error}")
        return _render(request, form, status=400)
    messages.success(request, "New kernels begin with these packages.")
    return redirect("kernels")


def _render(request: HttpRequest, form: PackagesForm | None = None, status: int = 200) -> HttpResponse:
    everywhere = gateway.kernels()
    running = [kernel for host in everywhere.hosts for kernel in host.kernels]
    context: dict[str, Any] = {
        "hosts": everywhere.hosts,
        "silent": everywhere.silent,
        "running": sorted(running, key=lambda kernel: -kernel.memory),
        "memory": sum(kernel.memory for kernel in running),
        "visible": _visible(request.user, [kernel.notebook for kernel in running]),
    }
    htmx = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    if not htmx:
        present = everywhere.hosts[0].launching.packages if everywhere.hosts else ()
        context["form"] = form or PackagesForm(initial={"packages": ", ".join(present)})
    response = render(request, "kernels/_running.html" if htmx else "kernels/page.html", context, status=status)
    patch_vary_headers(response, ["HX-Request"])  # browsers keep both under one address
    return response


def _visible(user: Any, notebooks: list[str]) -> set[str]:
    """Those of these notebooks that the user may open."""
    return {str(key) for key in visible_notebooks(user).filter(pk__in=notebooks).values_list("pk", flat=True)}
