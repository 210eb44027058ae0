"""The code that proves the phone of a booking form."""

from scheduler.i18n.translation import marked
from scheduler.patients import verification
from scheduler.reminders.outbox import immediate
from scheduler.storage.database import stored_id
from scheduler.web.booking.form_session import BookingForm

CODE_RESENT = marked("A new code is on its way. Only the newest one counts.")


def text_code(page: BookingForm, number: str, *, resend: bool = False) -> None:
    """Put a code for a phone into the outbox. Sending the same step twice texts one code."""
    visit, last = page.visit, page.code
    still_valid = (
        last is not None
        and last.phone == number
        and last.proved_at is None
        and visit.now < last.expires_at
    )
    if still_valid and not resend:
        return
    code = verification.begin(
        visit.session,
        clinic_id=stored_id(page.clinic.id),
        phone=number,
        origin=visit.origin,
        now=visit.now,
    )
    immediate.owe_code(visit.session, code, language=page.language, now=visit.now)
    page.enquiry.phone_code_id = code.id
    visit.session.add(page.enquiry)
    visit.session.flush()
