"""One's own account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import views
from django.forms import Form
from django.http import HttpResponse


class PasswordChange(views.PasswordChangeView):
    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(self.request, "Your password has been changed.")
        return super().form_valid(form)
