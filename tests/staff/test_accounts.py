"""Members of staff prove who they are, and only so long as they may."""

from datetime import timedelta
from itertools import product

import pytest

from scheduler.infra.errors import Conflict, Invalid, NotFound, TooMany
from scheduler.staff import accounts
from scheduler.staff.accounts import NotSignedIn
from scheduler.staff.models import Member
from scheduler.staff.roles import Permission, Role, may
from scheduler.storage.database import Database
from tests.builders.cast import NOW

pytestmark = pytest.mark.both_databases

PASSWORD = "correct horse battery staple"
MINUTE = timedelta(minutes=1)
HASHER_OF_THE_PROGRAM = accounts._HASHER
"""Other tests hash more cheaply (tests/conftest.py)."""


def test_passwords_are_hashed_as_owasp_asks() -> None:
    assert HASHER_OF_THE_PROGRAM.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.fixture
def ana(database: Database) -> Member:
    """An admin of clinic 7."""
    with database.transaction() as session:
        return accounts.add(
            session,
            email=" Ana@Example.org ",
            name="Ana",
            role=Role.ADMIN,
            password=PASSWORD,
            clinic_ids=[7],
            now=NOW,
        )


def test_a_key_acts_for_its_member_until_it_is_revoked(database: Database, ana: Member) -> None:
    with database.transaction() as session:
        raw = accounts.make_key(session, ana, label="till", now=NOW)
        actor, _ = accounts.by_key(session, raw, now=NOW)

        assert (actor.kind, actor.id, actor.role) == ("staff", ana.id, "admin")
        assert actor.clinic_ids == frozenset({7})
        assert raw.startswith("ck_1_")
        assert len(raw) == len("ck_1_") + 43

        session.get_one(Member, ana.id).active = False
        session.flush()
        with pytest.raises(NotSignedIn):
            accounts.by_key(session, raw, now=NOW)


def test_use_of_a_key_is_recorded_once_a_day(database: Database, ana: Member) -> None:
    with database.transaction() as session:
        raw = accounts.make_key(session, ana, label="till", now=NOW)

        assert accounts.by_key(session, raw, now=NOW)[1] is True
        accounts.touch(session, raw, now=NOW)
        session.expire_all()
        assert accounts.by_key(session, raw, now=NOW)[1] is False
        assert accounts.by_key(session, raw, now=NOW + timedelta(days=2))[1] is True


@pytest.mark.parametrize("later", [31 * MINUTE, timedelta(hours=13)])
def test_a_token_expires_when_idle(database: Database, ana: Member, later: timedelta) -> None:
    with database.transaction() as session:
        account = accounts.account(session, email="ana@example.org", origin="a", now=NOW)
        assert accounts.fits(account, PASSWORD)
        _, raw = accounts.sign_in(session, account, origin="a", request_id="r", now=NOW)

        assert accounts.by_proof(session, raw, now=NOW + 29 * MINUTE)[0].id == ana.id
        with pytest.raises(NotSignedIn):
            accounts.by_proof(session, raw, now=NOW + later)


def test_a_used_token_expires_after_the_absolute_limit(database: Database, ana: Member) -> None:
    with database.transaction() as session:
        account = accounts.account(session, email="ana@example.org", origin="a", now=NOW)
        _, raw = accounts.sign_in(session, account, origin="a", request_id="r", now=NOW)
        nearly = NOW + timedelta(hours=12) - MINUTE
        accounts.touch(session, raw, now=nearly)
        session.expire_all()

        assert accounts.by_token(session, raw, now=nearly)[0].id == ana.id
        with pytest.raises(NotSignedIn):
            accounts.by_token(session, raw, now=nearly + MINUTE)


def test_a_wrong_password_and_an_unknown_account_give_the_same_error(
    database: Database, ana: Member
) -> None:
    with database.transaction() as session:
        known = accounts.account(session, email="ana@example.org", origin="a", now=NOW)
        unknown = accounts.account(session, email="eve@example.org", origin="a", now=NOW)

    assert not accounts.fits(known, "guess")
    assert not accounts.fits(unknown, PASSWORD)


def test_one_address_cannot_try_many_accounts(database: Database) -> None:
    with database.transaction() as session:
        for number in range(accounts.WRONG_PASSWORDS_PER_ORIGIN):
            email = f"guess{number}@example.org"
            accounts.note_wrong(session, email=email, origin="evil", now=NOW)

        with pytest.raises(TooMany):
            accounts.account(session, email="ana@example.org", origin="evil", now=NOW)
        accounts.account(session, email="ana@example.org", origin="good", now=NOW)
        later = NOW + accounts.WRONG_PASSWORD_WINDOW
        accounts.account(session, email="ana@example.org", origin="evil", now=later)


def test_wrong_passwords_from_before_the_clock_was_set_back_do_not_count(
    database: Database, ana: Member
) -> None:
    ahead = NOW + timedelta(hours=2)
    with database.transaction() as session:
        for _ in range(accounts.WRONG_PASSWORDS_PER_ACCOUNT):
            accounts.note_wrong(session, email="ana@example.org", origin="evil", now=ahead)

        account = accounts.account(session, email="ana@example.org", origin="good", now=NOW)

    assert account.member_id == ana.id


def test_a_sign_in_from_before_the_clock_was_set_back_is_over(
    database: Database, ana: Member
) -> None:
    ahead = NOW + timedelta(hours=2)
    with database.transaction() as session:
        account = accounts.account(session, email="ana@example.org", origin="good", now=ahead)
        _, token = accounts.sign_in(session, account, origin="good", request_id="", now=ahead)

        with pytest.raises(NotSignedIn):
            accounts.by_token(session, token, now=NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.org"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"email": "ana.ruiz@example.org", "password": "Ana.Ruiz@example.org"}, "password"),
        ({"email": "ana.ruiz@example.org", "password": "ana.ruiz@example.org1"}, "password"),
        ({"role": "owner"}, "role"),
        ({"name": " "}, "name"),
        ({"name": "Ana\nRuiz"}, "name"),
        ({"name": "Ana\u202eRuiz"}, "name"),
    ],
)
def test_invalid_members_are_refused(
    database: Database, change: dict[str, str], field: str
) -> None:
    fit = {"email": "b@example.org", "name": "B", "role": "admin", "password": PASSWORD}

    with database.transaction() as session, pytest.raises(Invalid) as problem:
        accounts.add(session, **{**fit, **change}, clinic_ids=None, now=NOW)
    assert problem.value.field == field


def test_an_email_address_is_used_once(database: Database, ana: Member) -> None:
    with database.transaction() as session:
        with pytest.raises(Conflict):
            accounts.add(
                session,
                email="ANA@example.org",
                name="Ana",
                role=Role.ADMIN,
                password=PASSWORD,
                clinic_ids=None,
                now=NOW,
            )
        assert accounts.find(session, "ana@EXAMPLE.org").id == ana.id
        with pytest.raises(NotFound):
            accounts.find(session, "eve@example.org")


def test_an_admin_has_all_permissions_and_an_unknown_role_none() -> None:
    assert all(may(Role.ADMIN, deed) for deed in Permission)
    assert not any(may(role, deed) for role, deed in product([None, "", "owner"], Permission))


def test_only_admins_and_practitioners_see_health_answers() -> None:
    assert [role for role in Role if may(role, Permission.CLEAR)] == [Role.ADMIN, Role.PRACTITIONER]
