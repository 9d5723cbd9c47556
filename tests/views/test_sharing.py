from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from notebooks_app.forms import MemberForm
from notebooks_app.models import Membership, Notebook

Browse = Callable[..., Client]


@pytest.fixture
def address(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/sharing/"


def _member(address: str, person: User) -> str:
    return f"{address}{Membership.objects.get(user=person).pk}/"


def test_the_owner_sees_who_has_access(address: str, ada: User, grace: User, vera: User, browse: Browse) -> None:
    members = browse(ada).get(address).context["members"]
    assert [(member.user, member.role) for member in members] == [(grace, "editor"), (vera, "viewer")]


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_adding_a_person(role: str, address: str, notebook: Notebook, ada: User, sam: User, browse: Browse) -> None:
    response = browse(ada).post(address, {"name": " sam ", "role": role}, follow=True)
    assert response.redirect_chain == [(address, 302)]
    assert notebook.memberships.get(user=sam).role == role
    assert browse(sam).get(f"/notebooks/{notebook.pk}/").status_code == 200


def test_adding_a_group(address: str, notebook: Notebook, ada: User, sam: User, browse: Browse) -> None:
    group = Group.objects.create(name="Data team")
    group.user_set.add(sam)
    browse(ada).post(address, {"name": "data team", "role": "viewer"})
    assert notebook.memberships.get().group == group
    assert browse(sam).get(f"/notebooks/{notebook.pk}/").status_code == 200


def test_the_name_as_written_comes_before_another_case(
    address: str, notebook: Notebook, ada: User, browse: Browse
) -> None:
    """User names differ by case: access must not go to the other person."""
    User.objects.create_user("Kim")
    kim = User.objects.create_user("kim")
    User.objects.create_user("KIM")
    browse(ada).post(address, {"name": "kim", "role": "viewer"})
    assert notebook.memberships.get().user == kim
    response = browse(ada).post(address, {"name": "kIM", "role": "viewer"})
    assert "Several are called" in response.content.decode()
    assert notebook.memberships.count() == 1


@pytest.mark.parametrize(
    ("name", "role", "reason"),
    [
        ("nobody", "viewer", "There is no person and no group called “nobody”."),
        ("grace", "owner", "“grace” is in the list already"),
        ("ada", "viewer", "That is the owner"),
        ("sam", "king", "Select a valid choice"),
        ("", "viewer", "This field is required."),
        ("<b>", "viewer", "“&lt;b&gt;”"),
    ],
)
def test_what_cannot_be_added_says_why(
    name: str, role: str, reason: str, address: str, notebook: Notebook, ada: User, grace: User, sam: User,
    browse: Browse,
) -> None:  # fmt: skip
    response = browse(ada).post(address, {"name": name, "role": role})
    assert response.status_code == 400
    assert reason in response.content.decode()
    assert notebook.memberships.get().role == "editor"


def test_a_double_click_adds_once(notebook: Notebook, sam: User) -> None:
    """Both requests are checked before either has stored anything."""
    forms = [MemberForm(notebook, {"name": "sam", "role": "viewer"}) for _ in range(2)]
    assert all(form.is_valid() for form in forms)
    first, second = (form.save() for form in forms)
    assert first == second == notebook.memberships.get()


def test_whoever_left_cannot_be_added(address: str, notebook: Notebook, ada: User, sam: User, browse: Browse) -> None:
    User.objects.filter(pk=sam.pk).update(is_active=False)
    assert browse(ada).post(address, {"name": "sam", "role": "viewer"}).status_code == 400
    assert not notebook.memberships.exists()


def test_changing_a_role(address: str, ada: User, vera: User, browse: Browse) -> None:
    response = browse(ada).post(_member(address, vera), {"role": "editor"}, follow=True)
    assert Membership.objects.get(user=vera).role == "editor"
    assert "vera is an editor now." in response.content.decode()


def test_an_unknown_role_changes_nothing(address: str, ada: User, vera: User, browse: Browse) -> None:
    response = browse(ada).post(_member(address, vera), {"role": "king"}, follow=True)
    assert Membership.objects.get(user=vera).role == "viewer"
    assert "Choose viewer, editor or owner." in response.content.decode()


def test_removing(address: str, notebook: Notebook, ada: User, vera: User, browse: Browse) -> None:
    browse(ada).post(_member(address, vera), {"remove": "1"})
    assert not Membership.objects.filter(user=vera).exists()
    assert browse(vera).get(f"/notebooks/{notebook.pk}/").status_code == 404


@pytest.mark.parametrize("change", [{"remove": "1"}, {"role": "editor"}])
def test_who_gives_up_sharing_ends_in_the_library(
    change: dict[str, str], address: str, grace: User, browse: Browse
) -> None:
    Membership.objects.filter(user=grace).update(role="owner")
    response = browse(grace).post(_member(address, grace), change, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert response.status_code == 200


@pytest.mark.parametrize(("name", "status"), [("grace", 403), ("vera", 403), ("sam", 404)])
def test_only_owners_share(
    name: str, status: int, address: str, notebook: Notebook, vera: User, browse: Browse,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    person = request.getfixturevalue(name)
    client, member = browse(person), _member(address, vera)
    before = set(notebook.memberships.values_list("user", "role"))
    assert client.get(address).status_code == status
    assert client.post(address, {"name": name, "role": "owner"}).status_code == status
    assert client.post(member, {"role": "owner"}).status_code == status
    assert client.post(member, {"remove": "1"}).status_code == status
    assert set(notebook.memberships.values_list("user", "role")) == before


def test_a_membership_of_another_notebook_is_out_of_reach(
    notebook: Notebook, vera: User, sam: User, browse: Browse
) -> None:
    own = Notebook.create("Mine", sam)
    member = _member(f"/notebooks/{own.pk}/sharing/", vera)
    assert browse(sam).post(member, {"remove": "1"}).status_code == 404
    assert Membership.objects.filter(user=vera).exists()


def test_a_refusal_says_what_to_do(address: str, grace: User, sam: User, browse: Browse) -> None:
    assert "ask the notebook&#x27;s owner" in browse(grace).get(address).content.decode()
    assert "Sales" not in browse(sam).get(address).content.decode()
