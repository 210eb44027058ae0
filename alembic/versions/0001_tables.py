"""Create the tables

The order is that of the foreign keys. Constraints that guard a rule between several rows follow in
the next migration. The names of constraints and indexes come from the naming convention in
`scheduler.storage.database`, except where a name is given.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _create_process()
    _create_staff()
    _create_clinic()
    _create_patients()
    _create_courses()
    _create_waitlist()
    _create_messages()
    # All workers share the state of the carrier, which is one row.
    op.execute("INSERT INTO carrier_line (id, filled_at, failures, trouble) VALUES (1, 0, 0, '')")


def downgrade() -> None:
    """Drop all tables, those that refer to others first."""
    tables = sa.MetaData()
    tables.reflect(op.get_bind())
    for table in reversed(tables.sorted_tables):
        if table.name != "alembic_version":
            op.drop_table(table.name)


def _create_process() -> None:
    """What every process needs: its address, repeated requests, private links, the audit trail."""
    op.create_table(
        "installation",
        primary_key(),
        string("public_url", 500),
    )
    op.create_table(
        "idempotency_keys",
        string("owner", 80, primary_key=True),
        string("key", 200, primary_key=True),
        string("fingerprint", 64),
        integer("status", nullable=True),
        json("answer", nullable=True),
        instant("created_at", index=True),
    )
    op.create_table(
        "links",
        primary_key(),
        string("purpose", 20),
        integer("subject_id", index=True),
        string("nonce", 32),
        string("token_hash", 64, unique=True),
        instant("created_at"),
        instant("expires_at", nullable=True),
        instant("revoked_at", nullable=True),
        index("ix_links_purpose_created", "purpose", "created_at"),
    )
    op.create_table(
        "link_requests",
        primary_key(),
        string("phone", 20),
        string("phone_hash", 64),
        string("origin", 64),
        string("network", 64),
        instant("created_at", index=True),
    )
    op.create_table(
        "audit_entries",
        primary_key(),
        instant("at", index=True),
        string("actor_kind", 20),
        integer("actor_id", nullable=True),
        integer("clinic_id", nullable=True, index=True),
        string("deed", 60),
        string("subject", 40),
        integer("subject_id", nullable=True),
        json("details"),
        string("origin", 64),
        string("request_id", 64),
        index("ix_audit_entries_subject", "subject", "subject_id"),
    )


def _create_staff() -> None:
    """Staff members, the clinics they may see, and how they sign in."""
    op.create_table(
        "members",
        primary_key(),
        string("email", 254, unique=True),
        string("name", 120),
        string("role", 20),
        string("password_hash", 200),
        boolean("all_clinics"),
        boolean("active"),
        instant("created_at"),
    )
    op.create_table(
        "memberships",
        reference("member_id", "members", primary_key=True),
        # Not a foreign key: the staff package does not know clinics.
        integer("clinic_id", primary_key=True),
    )
    op.create_table(
        "api_keys",
        primary_key(),
        reference("member_id", "members", index=True),
        string("label", 80),
        string("key_hash", 64, unique=True),
        instant("created_at"),
        instant("last_used_on", nullable=True),
        instant("revoked_at", nullable=True),
    )
    op.create_table(
        "sign_ins",
        primary_key(),
        reference("member_id", "members", index=True),
        string("token_hash", 64, unique=True),
        instant("created_at"),
        instant("expires_at"),
        instant("last_used_at"),
        instant("revoked_at", nullable=True),
    )
    op.create_table(
        "sign_in_tries",
        primary_key(),
        string("account_hash", 64, index=True),
        string("origin", 64, index=True),
        instant("at", index=True),
    )


def _create_clinic() -> None:
    """Clinics, who and what works there, and when. A calendar is what a diary entry belongs to."""
    op.create_table(
        "clinics",
        primary_key(),
        version(),
        string("name", 120),
        string("text_name", 28),
        string("timezone", 64),
        string("phone", 20),
        string("emergency_phone", 20),
        string("country", 2),
        string("language", 8),
        string("quiet_from", 5),
        string("quiet_to", 5),
        integer("texts_per_day"),
        integer("texts_per_week"),
        integer("cancel_notice_hours", default="24"),
        integer("segments_per_text", default="1"),
        string("segment_price", 12, default=""),
        string("insurance_note", 1000),
        string("waitlist_mode", 12, default="one_by_one"),
        integer("waitlist_minutes", default="30"),
        integer("waitlist_at_once", default="5"),
        string("accent", 7, default=""),
        json("embed_origins", default="[]"),
        instant("changed_at", index=True),
    )
    op.create_table(
        "zone_rules",
        string("zone", 64, primary_key=True),
        string("version", 20),
        json("changes"),
        instant("noted_at"),
    )
    op.create_table(
        "calendars",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
    )
    op.create_table(
        "practitioners",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        reference("calendar_id", "calendars", unique=True),
        string("name", 120),
        string("license_number", 60),
        day("license_expires_on"),
        integer("max_sessions_per_day", nullable=True),
        boolean("active"),
    )
    op.create_table(
        "working_hours",
        primary_key(),
        reference("practitioner_id", "practitioners", index=True),
        integer("weekday"),
        string("starts", 5),
        string("ends", 5),
        day("valid_from", nullable=True),
        day("valid_to", nullable=True),
        string("kind", 5, default="work"),
        integer("minutes", nullable=True),
    )
    op.create_table(
        "rooms",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        reference("calendar_id", "calendars", unique=True),
        string("name", 120),
        boolean("active"),
    )
    op.create_table(
        "treatments",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        string("name", 120),
        string("summary", 2000),
        string("source", 500),
        integer("minutes"),
        json("hands_on"),
        integer("setup_minutes", default="0"),
        integer("turnover_minutes"),
        integer("buffer_before_minutes", default="0"),
        integer("buffer_after_minutes", default="0"),
        json("phases"),
        json("review_after"),
        json("tips"),
        integer("start_every_minutes"),
        integer("min_notice_minutes"),
        integer("horizon_days"),
        boolean("active"),
    )
    op.create_table(
        "treatment_practitioners",
        reference("treatment_id", "treatments", primary_key=True),
        reference("practitioner_id", "practitioners", primary_key=True, index=True),
    )
    op.create_table(
        "treatment_rooms",
        reference("treatment_id", "treatments", primary_key=True),
        reference("room_id", "rooms", primary_key=True, index=True),
    )
    op.create_table(
        "closures",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        day("day"),
        string("starts", 5, default="00:00"),
        string("ends", 5, default="00:00"),
        string("reason", 200),
        integer("series_id", nullable=True, index=True),
        sa.UniqueConstraint("clinic_id", "day"),
    )
    op.create_table(
        "time_off",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        reference("practitioner_id", "practitioners", nullable=True, index=True),
        reference("room_id", "rooms", nullable=True, index=True),
        instant("starts_at"),
        instant("ends_at"),
        string("reason", 200),
        integer("series_id", nullable=True, index=True),
        check("of_one", "(practitioner_id IS NULL) <> (room_id IS NULL)"),
    )


def _create_patients() -> None:
    """Patients, what they answered and agreed to, and the proof of a phone."""
    op.create_table(
        "patients",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        reference("calendar_id", "calendars", unique=True),
        string("name", 80),
        string("phone", 20, index=True),
        instant("phone_proved_at", nullable=True),
        string("phone_trouble", 300, default=""),
        string("language", 8),
        boolean("sms_consent"),
        string("texts", 10, default="all"),
        instant("created_at"),
        instant("changed_at", index=True),
        instant("erased_at", nullable=True),
    )
    op.create_table(
        "screenings",
        primary_key(),
        reference("patient_id", "patients", index=True),
        instant("at"),
        json("answers"),
        boolean("needs_clearance"),
    )
    op.create_table(
        "consent_records",
        primary_key(),
        reference("patient_id", "patients", index=True),
        string("phone", 20),
        instant("at"),
        boolean("given"),
        string("channel", 20),
        string("wording", 1000),
    )
    op.create_table(
        "opt_outs",
        primary_key(),
        string("phone", 20, index=True),
        instant("since"),
        string("words", 200),
        string("channel", 10, default="text"),
        instant("lifted_at", nullable=True),
        instant("changed_at", index=True),
    )
    op.create_table(
        "phone_codes",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        string("phone", 20, index=True),
        string("nonce", 32),
        string("origin", 64, index=True),
        string("network", 64, index=True, default=""),
        integer("tries"),
        instant("created_at", index=True),
        instant("expires_at"),
        instant("proved_at", nullable=True),
    )


def _create_courses() -> None:
    """Courses and their appointments, the diary of taken minutes, and forms in progress."""
    op.create_table(
        "courses",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        reference("patient_id", "patients", index=True),
        reference("treatment_id", "treatments", index=True),
        reference("screening_id", "screenings", nullable=True),
        string("state", 20),
        string("pain_since", 20),
        json("phases"),
        json("marks", default="[]"),
        string("cancel_reason", 200),
        instant("booked_at"),
        instant("cleared_at", nullable=True),
        instant("changed_at", index=True),
        one_of("state", "needs_clearance", "active", "completed", "cancelled"),
    )
    op.create_table(
        "appointments",
        primary_key(),
        version(),
        reference("clinic_id", "clinics"),
        reference("course_id", "courses"),
        reference("patient_id", "patients", index=True),
        reference("practitioner_id", "practitioners"),
        reference("room_id", "rooms", index=True),
        integer("number"),
        integer("phase"),
        string("state", 20),
        instant("starts_at"),
        instant("ends_at"),
        string("wall_time", 16),
        integer("fold"),
        string("zone", 64),
        string("hands", 300, default=""),
        boolean("make_up", default=sa.false()),
        boolean("cancelled_late", default=sa.false()),
        instant("news_at", nullable=True),
        instant("reassigned_at", nullable=True),
        json("givers", default="[]"),
        instant("changed_at", index=True),
        sa.UniqueConstraint("course_id", "number"),
        check("ends_later", "ends_at > starts_at"),
        one_of("state", "booked", "confirmed", "arrived", "completed", "cancelled", "no_show"),
        index("ix_appointments_clinic_news", "clinic_id", "news_at", where="news_at IS NOT NULL"),
        index(
            "ix_appointments_clinic_reassigned",
            "clinic_id",
            "reassigned_at",
            where="reassigned_at IS NOT NULL",
        ),
        index("ix_appointments_clinic_start", "clinic_id", "starts_at"),
        index("ix_appointments_practitioner_start", "practitioner_id", "starts_at"),
    )
    op.create_table(
        "holds",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        instant("expires_at", index=True),
        string("origin", 64, index=True),
    )
    op.create_table(
        "diary",
        primary_key(),
        reference("calendar_id", "calendars"),
        integer("from_minute"),
        integer("to_minute"),
        reference("appointment_id", "appointments", nullable=True, index=True),
        reference("hold_id", "holds", nullable=True, index=True, ondelete="CASCADE"),
        reference("time_off_id", "time_off", nullable=True, index=True, ondelete="CASCADE"),
        reference("closure_id", "closures", nullable=True, index=True, ondelete="CASCADE"),
        # The minute in which the hold expires, copied so that a search for free time reads one table.
        integer("held_until", nullable=True),
        # SQLite finds overlaps by searching one day back (see the next migration).
        check("at_most_a_day", "to_minute > from_minute AND to_minute - from_minute <= 1440"),
        check(
            "one_reason",
            "(CASE WHEN appointment_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN hold_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN time_off_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN closure_id IS NULL THEN 0 ELSE 1 END) = 1",
        ),
        index("ix_diary_calendar_from", "calendar_id", "from_minute"),
    )
    op.create_table(
        "enquiries",
        primary_key(),
        reference("clinic_id", "clinics"),
        reference("treatment_id", "treatments"),
        string("token_hash", 64, unique=True),
        json("answers"),
        json("sessions"),
        json("compromises"),
        reference("hold_id", "holds", nullable=True, ondelete="SET NULL"),
        reference("phone_code_id", "phone_codes", nullable=True),
        reference("course_id", "courses", nullable=True),
        reference("link_id", "links", nullable=True),
        string("origin", 64),
        string("unproved_phone", 16, index=True, default=""),
        instant("created_at", index=True),
    )
    op.create_table(
        "absence_proposals",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        reference("practitioner_id", "practitioners", nullable=True, index=True),
        reference("room_id", "rooms", nullable=True, index=True),
        json("closure", default="{}"),
        instant("starts_at"),
        instant("ends_at"),
        string("reason", 200),
        json("placings"),
        instant("held_until", nullable=True),
        instant("created_at"),
        instant("confirmed_at", nullable=True),
    )
    op.create_table(
        "scores",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        reference("course_id", "courses", index=True),
        reference("appointment_id", "appointments", unique=True),
        integer("value"),
        boolean("review", default=sa.false()),
        instant("at"),
    )


def _create_waitlist() -> None:
    """Patients who wait for a time, and the times offered to them."""
    op.create_table(
        "waitlist_entries",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        reference("patient_id", "patients", index=True),
        reference("treatment_id", "treatments"),
        reference("appointment_id", "appointments", nullable=True),
        string("wants", 10),
        reference("practitioner_id", "practitioners", nullable=True),
        json("weekdays"),
        integer("from_minute", nullable=True),
        integer("to_minute", nullable=True),
        day("first_day", nullable=True),
        day("last_day", nullable=True),
        integer("need"),
        string("need_reason", 200),
        string("state", 10),
        string("reason", 200),
        instant("entered_at"),
        instant("changed_at"),
        one_of("state", "waiting", "offered", "taken", "withdrawn", "expired"),
        one_of("wants", "earlier", "session", "course"),
        index("ix_waitlist_entries_live", "clinic_id", where="state IN ('waiting', 'offered')"),
    )
    op.create_table(
        "waitlist_offers",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        reference("entry_id", "waitlist_entries", index=True),
        instant("starts_at"),
        reference("practitioner_id", "practitioners"),
        json("sessions"),
        boolean("to_several"),
        reference("hold_id", "holds", nullable=True, ondelete="SET NULL"),
        string("state", 10),
        string("reason", 200),
        instant("offered_at"),
        instant("expires_at", index=True),
        instant("ended_at", nullable=True),
        one_of("state", "open", "accepted", "declined", "lapsed", "withdrawn"),
    )


def _create_messages() -> None:
    """Reminder rules, texts out and in, and the state of the carrier."""
    op.create_table(
        "reminder_rules",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        string("kind", 30),
        string("anchor", 10),
        integer("offset_minutes"),
        string("which", 10),
        integer("every", default="1"),
        string("quiet", 10),
        integer("useful_minutes"),
        integer("priority"),
        boolean("always"),
        boolean("asked"),
        boolean("active"),
        json("templates"),
        json("cases", default="{}"),
        instant("holds_from", nullable=True),
        instant("changed_at", index=True),
    )
    op.create_table(
        "messages",
        primary_key(),
        reference("clinic_id", "clinics", index=True),
        string("key", 120, unique=True),
        string("kind", 30),
        reference("rule_id", "reminder_rules", nullable=True),
        reference("course_id", "courses", nullable=True, index=True),
        reference("appointment_id", "appointments", nullable=True, index=True),
        reference("patient_id", "patients", nullable=True),
        reference("phone_code_id", "phone_codes", nullable=True),
        reference("link_id", "links", nullable=True),
        instant("about", nullable=True),
        string("phone", 20, index=True),
        string("language", 8),
        string("text", 1600),
        boolean("asked"),
        integer("priority"),
        string("state", 12),
        string("reason", 300),
        instant("due_at"),
        instant("expires_at"),
        integer("fence"),
        instant("leased_until", nullable=True),
        string("worker", 40),
        integer("tries"),
        instant("next_look_at", nullable=True),
        string("carrier_id", 40, nullable=True, index=True),
        string("error_code", 10),
        boolean("for_staff", default=sa.false()),
        instant("created_at"),
        instant("sent_at", nullable=True),
        instant("delivered_at", nullable=True),
        one_of(
            "state",
            "owed",
            "sending",
            "unknown",
            "sent",
            "delivered",
            "failed",
            "withdrawn",
            "expired",
        ),
        index("ix_messages_due", "due_at", where="state = 'owed'"),
        index("ix_messages_leased", "leased_until", where="state = 'sending'"),
        index("ix_messages_open", "next_look_at", where="state IN ('unknown', 'sent')"),
    )
    op.create_table(
        "attempts",
        primary_key(),
        reference("message_id", "messages", index=True),
        integer("fence"),
        string("token", 32, unique=True),
        instant("began_at"),
        string("outcome", 12),
        string("carrier_id", 40, nullable=True, index=True),
        string("error_code", 10),
    )
    op.create_table(
        "receipts",
        primary_key(),
        reference("message_id", "messages", index=True),
        string("carrier_id", 40),
        string("status", 20),
        string("error_code", 10),
        instant("at"),
        sa.UniqueConstraint("carrier_id", "status"),
    )
    op.create_table(
        "replies",
        primary_key(),
        reference("clinic_id", "clinics", nullable=True, index=True),
        string("carrier_id", 40, unique=True),
        string("phone", 20, index=True),
        string("body", 1600),
        string("carrier_did", 10, default=""),
        integer("pictures", default="0"),
        string("meaning", 20),
        integer("tries", default="0"),
        instant("next_read_at", nullable=True),
        reference("patient_id", "patients", nullable=True),
        reference("appointment_id", "appointments", nullable=True),
        boolean("urgent"),
        boolean("for_staff"),
        string("reason", 300, default=""),
        json("offered", default="{}"),
        instant("handled_at", nullable=True),
        instant("at", index=True),
        index("ix_replies_unread", "next_read_at", where="meaning = 'unread'"),
    )
    op.create_table(
        "carrier_line",
        primary_key(),
        decimal("filled_at"),
        integer("failures"),
        instant("shut_until", nullable=True),
        string("trouble", 300),
    )
    op.create_table(
        "inbox_looks",
        primary_key(),
        instant("read_until"),
        instant("next_look_at"),
    )
    op.create_table(
        "mass_texts",
        primary_key(),
        version(),
        reference("clinic_id", "clinics", index=True),
        string("state", 12),
        instant("begins_at"),
        instant("ends_at"),
        instant("opened_at"),
        integer("people", nullable=True),
        instant("decided_at", nullable=True),
        string("decided_by", 60),
        check("ends_later", "ends_at > begins_at"),
        one_of("state", "held", "confirmed", "stopped"),
    )


# Helpers. Columns are NOT NULL unless `nullable=True`.


def column(
    name: str,
    kind: Any,
    *constraints: Any,
    nullable: bool = False,
    default: Any = None,
    **options: Any,
) -> sa.Column[Any]:
    """A column. `default` is the value that the database writes when an INSERT does not name it."""
    return sa.Column(name, kind, *constraints, nullable=nullable, server_default=default, **options)


def primary_key() -> sa.Column[Any]:
    return column("id", sa.Integer(), primary_key=True)


def version() -> sa.Column[Any]:
    """Grows with each change of the row, so that a second writer notices the first."""
    return column("version", sa.Integer())


def reference(
    name: str, table: str, *, ondelete: str | None = None, **options: Any
) -> sa.Column[Any]:
    return column(name, sa.Integer(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **options)


def string(name: str, length: int, **options: Any) -> sa.Column[Any]:
    return column(name, sa.String(length), **options)


def integer(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.Integer(), **options)


def decimal(name: str) -> sa.Column[Any]:
    return column(name, sa.Float())


def boolean(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.Boolean(), **options)


def instant(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.DateTime(timezone=True), **options)


def day(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.Date(), **options)


def json(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.JSON(), **options)


def one_of(name: str, *values: str) -> sa.CheckConstraint:
    """A column that holds one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return check(name, f"{name} IN ({listed})")


def check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=name)


def index(name: str, *columns: str, where: str | None = None) -> sa.Index:
    """An index; with `where`, of only those rows."""
    condition = sa.text(where) if where else None
    return sa.Index(name, *columns, postgresql_where=condition, sqlite_where=condition)
