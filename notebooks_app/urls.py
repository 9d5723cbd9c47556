"""Addresses of the portal."""

from django.contrib.auth import views as auth
from django.urls import path, reverse_lazy

from .views import accounts, kernels, library, notebook, outputs, sharing

urlpatterns = [
    path("", library.index, name="library"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path(
        "accounts/password/",
        accounts.PasswordChange.as_view(success_url=reverse_lazy("library")),
        name="password_change",
    ),
    path("notebooks/", library.create, name="create"),
    path("notebooks/<uuid:notebook_id>/", notebook.page, name="notebook"),
    path("notebooks/<uuid:notebook_id>/rename/", library.rename, name="rename"),
    path("notebooks/<uuid:notebook_id>/duplicate/", library.duplicate, name="duplicate"),
    path("notebooks/<uuid:notebook_id>/delete/", library.delete, name="delete"),
    path("notebooks/<uuid:notebook_id>/undelete/", library.undelete, name="undelete"),
    path("notebooks/<uuid:notebook_id>/sharing/", sharing.page, name="sharing"),
    path("notebooks/<uuid:notebook_id>/sharing/<int:membership_id>/", sharing.change, name="membership"),
    path("cells/<uuid:cell_id>/rows/", notebook.rows, name="rows"),
    path("kernels/", kernels.page, name="kernels"),
    path("kernels/packages/", kernels.packages, name="kernel_packages"),
    path("kernels/<uuid:session_id>/stop/", kernels.stop, name="stop_kernel"),
    path("outputs/<uuid:output_id>/", outputs.show, name="output"),
]
