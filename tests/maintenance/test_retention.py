"""Every table is kept for a stated reason, or pruned by the worker."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel, select

from scheduler.maintenance import retention, tables
from scheduler.patients.models import PhoneCode
from scheduler.staff.models import Member, SignIn, SignInTry
from scheduler.storage import links
from scheduler.storage.database import Database, stored_id
from scheduler.storage.links import Link
from tests.builders.cast import NOW, Cast

DAY = timedelta(days=1)
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def test_each_table_is_either_pruned_or_kept_for_a_reason() -> None:
    assert not retention.PRUNED.keys() & retention.KEPT.keys()
    assert retention.PRUNED.keys() | retention.KEPT.keys() == set(tables.metadata.tables)


def test_the_operations_guide_states_what_is_pruned_and_when() -> None:
    guide = OPERATIONS.read_text(encoding="utf-8")

    for table, kept in retention.PRUNED.items():
        assert f"| `{table}` | {kept} |" in guide


def count(session: Session, kind: type[SQLModel]) -> int:
    return len(session.exec(select(kind)).all())


@pytest.mark.both_databases
def test_old_codes_links_and_sign_ins_are_deleted_and_newer_ones_stay(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        member = Member(
            email="a@example.org", name="A", role="admin", password_hash="", created_at=NOW
        )
        session.add(member)
        session.flush()
        for number, age in enumerate((1 * DAY, 200 * DAY)):
            session.add(
                SignIn(
                    member_id=stored_id(member.id),
                    token_hash=str(number),
                    created_at=NOW - age,
                    expires_at=NOW - age,
                    last_used_at=NOW - age,
                )
            )
            session.add(SignInTry(account_hash="a", origin="", at=NOW - age + DAY / 2))
            session.add(
                PhoneCode(
                    clinic_id=cast.clinic,
                    phone="+12125550100",
                    nonce="a",
                    created_at=NOW - age,
                    expires_at=NOW - age,
                )
            )
            links.mint(
                session,
                "key",
                purpose="course",
                subject_id=1,
                now=NOW - age,
                expires_at=NOW - age,
            )

    with database.transaction() as session:
        retention.release(session, now=NOW)
        retention.prune(session, now=NOW)

    with database.transaction(write=False) as session:
        left = [count(session, kind) for kind in (SignIn, SignInTry, PhoneCode, Link)]
    assert left == [1, 1, 1, 1]


@pytest.mark.both_databases
def test_a_link_without_end_stays(database: Database) -> None:
    with database.transaction() as session:
        links.mint(
            session,
            "key",
            purpose="course",
            subject_id=1,
            now=NOW - 900 * DAY,
            expires_at=None,
        )

    with database.transaction() as session:
        retention.prune(session, now=NOW)

    with database.transaction(write=False) as session:
        assert count(session, Link) == 1
