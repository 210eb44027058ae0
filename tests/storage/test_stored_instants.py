"""Each stored instant is known to be a wait, or known not to be one."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import SQLModel

from scheduler.maintenance import tables  # noqa: F401 - it imports all tables
from scheduler.storage import stored_instants
from scheduler.storage.database import Instant
from tests.builders.cast import NOW

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

BOUNDED = """
    carrier_line.shut_until inbox_looks.read_until inbox_looks.next_look_at sign_in_tries.at
    api_keys.last_used_on sign_ins.expires_at sign_ins.last_used_at replies.next_read_at
    messages.leased_until messages.next_look_at
"""
"""If one is further ahead than it can be, a clock was set back: it counts as over."""

UNBOUNDED = """
    links.expires_at holds.expires_at phone_codes.expires_at messages.due_at messages.expires_at
    absence_proposals.held_until waitlist_offers.expires_at reminder_rules.holds_from
    link_requests.created_at phone_codes.created_at enquiries.created_at idempotency_keys.created_at
"""
"""Compared with the clock, but not bounded."""

FACTS = """
    audit_entries.at clinics.changed_at links.created_at links.revoked_at members.created_at
    opt_outs.since opt_outs.lifted_at opt_outs.changed_at zone_rules.noted_at api_keys.created_at
    api_keys.revoked_at mass_texts.begins_at mass_texts.ends_at mass_texts.opened_at
    mass_texts.decided_at phone_codes.proved_at reminder_rules.changed_at sign_ins.created_at
    sign_ins.revoked_at patients.phone_proved_at patients.created_at patients.changed_at
    patients.erased_at absence_proposals.starts_at absence_proposals.ends_at
    absence_proposals.created_at absence_proposals.confirmed_at consent_records.at screenings.at
    time_off.starts_at time_off.ends_at courses.booked_at courses.cleared_at courses.changed_at
    appointments.starts_at appointments.ends_at appointments.changed_at course_events.at
    appointment_changes.at appointment_changes.starts_at_before appointment_changes.starts_at_after
    replies.handled_at replies.at scores.at waitlist_entries.entered_at waitlist_entries.changed_at
    messages.about messages.created_at messages.sent_at messages.delivered_at
    waitlist_offers.starts_at waitlist_offers.offered_at waitlist_offers.ended_at attempts.began_at
    receipts.at
"""
"""What was agreed, and when something happened."""


def test_each_column_that_holds_an_instant_is_classified_once() -> None:
    stored = sorted(
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Instant)
    )

    assert sorted((BOUNDED + UNBOUNDED + FACTS).split()) == stored


@pytest.mark.parametrize(
    ("until", "ahead"),
    [
        (NOW - MINUTE, False),
        (NOW, False),
        (NOW + MINUTE, True),
        (NOW + HOUR + stored_instants.CLOCKS_DIFFER_BY, True),
        (NOW + 2 * HOUR, False),
    ],
)
def test_a_wait_longer_than_it_can_be_is_over(until: datetime, ahead: bool) -> None:
    assert stored_instants.is_ahead(until, now=NOW, longest=HOUR) == ahead
