"""The code that proves the phone of a form."""

from scheduler.i18n.translation import marked
from scheduler.patients import verification
from scheduler.reminders.outbox import immediate
from scheduler.storage.database import stored_id
from scheduler.web.booking.form_session import BookingForm

ON_ITS_WAY = marked("A new code is on its way. Only the newest one counts.")


def text_code(here: BookingForm, number: str, *, anew: bool = False) -> None:
    """Owe a code to a phone. Sent twice in a row, the same step texts once."""
    visit, last = here.visit, here.code
    fresh = (
        last is not None
        and last.phone == number
        and last.proved_at is None
        and visit.now < last.expires_at
    )
    if fresh and not anew:
        return
    code = verification.begin(
        visit.session,
        clinic_id=stored_id(here.clinic.id),
        phone=number,
        origin=visit.origin,
        now=visit.now,
    )
    immediate.owe_code(visit.session, code, language=here.language, now=visit.now)
    here.enquiry.phone_code_id = code.id
    visit.session.add(here.enquiry)
    visit.session.flush()
