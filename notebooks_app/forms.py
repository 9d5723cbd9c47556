"""What people fill in on the pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from kernel.launch.environment import module_names

from .models import Membership, Notebook

MAX_TITLE = 200


class TitleForm(forms.Form):
    title = forms.CharField(max_length=MAX_TITLE, label="Title", strip=True)

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if any(ord(character) < 32 for character in title):
            raise forms.ValidationError("A title is one line of text.")
        return title


class PackagesForm(forms.Form):
    """Modules that kernels begin with."""

    packages = forms.CharField(
        max_length=4000,
        label="Packages that kernels begin with",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_packages(self) -> list[str]:
        try:
            return module_names(self.cleaned_data["packages"])
        except ValueError as error:
            raise forms.ValidationError(f"“{error}” is no module's name: write modules as one imports them.") from None


class MemberForm(forms.Form):
    """Adds a person by user name, or a group by its name."""

    name = forms.CharField(max_length=150, label="Person or group", strip=True)
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.EDITOR, label="Role")

    def __init__(self, notebook: Notebook, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.notebook = notebook

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        self.user = _called(get_user_model().objects.filter(is_active=True), "username", name)
        self.group = None if self.user else _called(Group.objects.all(), "name", name)
        if self.user is None and self.group is None:
            raise forms.ValidationError(f"There is no person and no group called “{name}”.")
        if self.user == self.notebook.owner:
            raise forms.ValidationError("That is the owner, who may do everything already.")
        if self.notebook.memberships.filter(user=self.user, group=self.group).exists():
            raise forms.ValidationError(f"“{name}” is in the list already: change the role there.")
        return name

    def save(self) -> Membership:
        """The membership, also if a second click has just made it."""
        role = self.cleaned_data["role"]
        member, _ = Membership.objects.get_or_create(
            notebook=self.notebook, user=self.user, group=self.group, defaults={"role": role}
        )
        return member


def _called(candidates: QuerySet[Any], field: str, name: str) -> Any:
    """Whoever is called exactly so, or else the only one who is but for the case: names may differ by case alone."""
    found = {str(getattr(each, field)): each for each in candidates.filter(**{f"{field}__iexact": name})}
    if len(found) > 1 and name not in found:
        raise forms.ValidationError(f"Several are called {', '.join(sorted(found))}: write the name exactly.")
    return found.get(name) or next(iter(found.values()), None)


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Membership
        fields = ["role"]
