"""Acts on each intent. If a reply could mean two things, the answer asks which one is meant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.booking.courses import appointments
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import EXPECTED
from scheduler.progress import scores
from scheduler.reminders.intents import Intent
from scheduler.reminders.kinds import waitlist_offers
from scheduler.reminders.outbox import open_questions
from scheduler.reminders.outbox.open_questions import Choice, OpenQuestion
from scheduler.reminders.replies.reading.intent import SUICIDE, ParsedReply
from scheduler.reminders.replies.reading.vocabularies import Every
from scheduler.reminders.replies.reply_context import Conversation
from scheduler.reminders.texts.crisis_lines import crisis_line
from scheduler.storage.database import stored_id

# Carriers treat the single word CANCEL as an opt-out, whatever this program does.
MAY_MEAN_THE_APPOINTMENT = {"cancel", "cancel please", "please cancel"}


def warn(conversation: Conversation, parsed: ParsedReply) -> None:
    """Answer an emergency with the number to call, and put it before staff as urgent.

    Thoughts of suicide get the number of the country's crisis line.
    """
    conversation.reply.urgent = True
    conversation.tell_staff("It speaks of danger.")
    if parsed.also_stop:
        conversation.tell_staff("It also asked for no more texts.")
    thinks_of_suicide = parsed.danger is not None and parsed.danger.kind == SUICIDE
    is_line_known = bool(crisis_line(conversation.contact.clinic.country))
    conversation.answer("crisis" if thinks_of_suicide and is_line_known else "emergency")


def confirm_opt_out(conversation: Conversation) -> None:
    """Confirm an opt-out, and put it before staff, who may have to call instead."""
    conversation.tell_staff("The phone asked for no more texts.")
    if conversation.reply.body.strip(" .!\n").casefold() in MAY_MEAN_THE_APPOINTMENT:
        conversation.tell_staff(
            "Carriers read CANCEL as an opt-out; perhaps the patient meant a session."
        )
    conversation.answer("stopped")


def pass_on(conversation: Conversation, reason: str) -> None:
    """Leave the answer to staff."""
    conversation.tell_staff(reason)
    conversation.answer("unknown")


def confirm(conversation: Conversation, parsed: ParsedReply) -> None:
    """Confirm the appointment that was asked about, at the time that was asked about."""
    if _answers_offer(conversation):
        return
    at = conversation.reply.at
    last = open_questions.last_question(conversation.session, conversation.phone, at=at)
    if parsed.weak and not (last and last.asks_which):
        # A bare "ok" confirms nothing here. If the last text asked for a score, ask again.
        if last and last.asks_for_score:
            conversation.answer("score_again")
        elif not parsed.acknowledges:
            pass_on(conversation, "It agrees, but no question was open.")
        return
    if parsed.says_more:
        conversation.tell_staff("It confirms, and says more.")
    asked = open_questions.asked_about(
        conversation.session,
        conversation.phone,
        conversation.contact.clinic,
        at=at,
        now=conversation.now,
    )
    unconfirmed = [
        question for question in asked if question.appointment.state == AppointmentState.BOOKED
    ]
    if (
        asked
        and parsed.hour
        and not any(
            _hour(conversation, question) in {parsed.hour, parsed.hour % 12} for question in asked
        )
    ):
        pass_on(conversation, "It confirms, but names another time.")
    elif not asked:
        conversation.tell_staff("It confirms, but no session was asked about.")
        conversation.answer("nothing_to_confirm")
    elif len(unconfirmed) > 1 and _are_one_time(unconfirmed):
        # Two children at the same time: a parent who brings one brings both.
        confirmed = [_try_confirming(conversation, question) for question in unconfirmed]
        _answer_confirmation(conversation, unconfirmed[0], is_confirmed=all(confirmed))
    elif len(unconfirmed) > 1:
        conversation.ask_which(unconfirmed, Intent.CONFIRM)
    else:
        _confirm_one(conversation, (unconfirmed or asked)[0])


def _answers_offer(conversation: Conversation) -> bool:
    """Whether the last text was an offer from the waitlist. If so, its link is sent again.

    Only the page takes an offer, because several patients may have got it.
    """
    last = open_questions.last_message(
        conversation.session, conversation.phone, at=conversation.reply.at
    )
    if last is None or last.kind not in waitlist_offers.OFFER_KINDS:
        return False
    reply_id = stored_id(conversation.reply.id)
    if not waitlist_offers.send_again(
        conversation.session, last, reply_id=reply_id, now=conversation.now
    ):
        pass_on(conversation, "It takes an offer from the waitlist that is over.")
    return True


def _are_one_time(asked: Sequence[OpenQuestion]) -> bool:
    """Whether all appointments begin at the one time that was asked about."""
    times = {
        moment for question in asked for moment in (question.appointment.starts_at, question.about)
    }
    return len(times) == 1


def _confirm_one(conversation: Conversation, asked: OpenQuestion) -> None:
    _answer_confirmation(conversation, asked, is_confirmed=_try_confirming(conversation, asked))


def _try_confirming(conversation: Conversation, asked: OpenQuestion) -> bool:
    """Confirm an appointment if it is still expected at the time that was asked about."""
    appointment = _locked(conversation, asked.appointment)
    if appointment.state not in EXPECTED or asked.about != appointment.starts_at:
        return False
    appointments.confirm(
        conversation.session, conversation.actor(appointment), appointment, now=conversation.now
    )
    return True


def _locked(conversation: Conversation, appointment: Appointment) -> Appointment:
    """The appointment, read again under a lock on its course: staff may have moved it since."""
    course = conversation.session.get_one(Course, appointment.course_id)
    conversation.session.refresh(course, with_for_update={"key_share": True})
    conversation.session.refresh(appointment)
    return appointment


def _answer_confirmation(
    conversation: Conversation, asked: OpenQuestion, *, is_confirmed: bool
) -> None:
    appointment = conversation.about(asked.appointment)
    if is_confirmed:
        conversation.answer("confirmed", appointment=appointment)
    elif appointment.state in EXPECTED:
        # The patient confirmed a time that has changed since: tell the new one and ask again.
        conversation.answer(open_questions.ASKS_TO_CONFIRM, appointment=appointment)
    else:
        conversation.tell_staff("It confirms a session that will not take place.")
        conversation.answer("nothing_to_confirm")


def reschedule(conversation: Conversation, parsed: ParsedReply) -> None:
    """Send the private link, where appointments are moved and cancelled. A text changes nothing."""
    clinic = conversation.contact.clinic
    if parsed.says_more:
        conversation.tell_staff("It asks to change or cancel a session, and says more.")
    sessions = open_questions.asked_about(
        conversation.session,
        conversation.phone,
        clinic,
        at=conversation.reply.at,
        now=conversation.now,
    ) or open_questions.next_sessions(
        conversation.session, conversation.phone, clinic, now=conversation.now
    )
    first = {appointment.appointment.course_id: appointment for appointment in reversed(sessions)}
    if not sessions:
        pass_on(conversation, "It asks to change a session, but none is to come.")
    elif len(first) > 1:
        soonest = sorted(first.values(), key=lambda question: question.appointment.starts_at)
        conversation.ask_which(soonest, Intent.RESCHEDULE)
    else:
        _send_link(conversation, sessions[0].appointment)


def _send_link(conversation: Conversation, appointment: Appointment) -> None:
    notice = timedelta(hours=conversation.contact.clinic.cancel_notice_hours)
    if appointment.starts_at - conversation.now < notice:
        # The page accepts a late cancellation too, but staff may still fill the time by phone.
        conversation.tell_staff(
            f"It asks to change a session that begins in less than"
            f" {conversation.contact.clinic.cancel_notice_hours} hours."
        )
        conversation.answer("late_change", appointment=conversation.about(appointment))
    else:
        conversation.answer("reschedule", appointment=conversation.about(appointment))


def take_number(conversation: Conversation, parsed: ParsedReply) -> None:
    """Read a number as a choice from a list or as a score, depending on what was asked."""
    if parsed.every and take_every(conversation, parsed.every):
        return
    at = conversation.reply.at
    choice = open_questions.choice(conversation.session, conversation.phone, at=at)
    scored = open_questions.to_be_scored(
        conversation.session, conversation.phone, conversation.contact.clinic, at=at
    )
    if parsed.names == "score":
        choice = None
    elif parsed.names == "choice":
        scored = []
    elif choice and scored:
        since = _came_between(choice, scored)
        if not _fits(choice, parsed) or (since and choice.is_answered):
            choice = None
        elif not since:
            scored = []
    if choice and scored:
        conversation.answer("which_question", fields={"score": str(parsed.score)})
    elif choice:
        _take_choice(conversation, choice, parsed.score)
    elif scored:
        _take_score(conversation, [question for question, _ in scored], parsed.score)
    else:
        pass_on(conversation, "A number, but no question was open.")


def take_every(conversation: Conversation, every: Every) -> bool:
    """Confirm all listed appointments after a reply such as "both".

    Returns False and does nothing if the reply does not plainly answer the question which
    appointment is confirmed. Several appointments are never changed at once.
    """
    at = conversation.reply.at
    choice = open_questions.choice(conversation.session, conversation.phone, at=at)
    if choice is None or choice.meaning != Intent.CONFIRM:
        return False
    scored = open_questions.to_be_scored(
        conversation.session, conversation.phone, conversation.contact.clinic, at=at
    )
    if _came_between(choice, scored) or every.how_many not in (0, len(choice.sessions)):
        return False
    offered = [_offered(conversation, *appointment) for appointment in choice.sessions]
    if every.may_be_hour and any(
        _hour(conversation, question) == every.how_many for question in offered
    ):
        return False
    conversation.reply.meaning = Intent.CHOICE
    # Courses are always locked in the same order, so that two replies cannot deadlock.
    in_order = sorted(offered, key=lambda question: question.appointment.course_id)
    confirmed = [question for question in in_order if _try_confirming(conversation, question)]
    if len(confirmed) == 1:
        _answer_confirmation(conversation, confirmed[0], is_confirmed=True)
    elif confirmed:
        listed = [question for question in offered if question in confirmed]
        conversation.answer("confirmed_all", fields={"choices": conversation.listed(listed)})
    if open_ones := [question for question in in_order if question not in confirmed]:
        conversation.tell_staff("It confirms several sessions, but not all were still as asked.")
        _answer_confirmation(conversation, open_ones[0], is_confirmed=False)
    return True


def _hour(conversation: Conversation, asked: OpenQuestion) -> int:
    """The hour at which an appointment begins, on a 12-hour clock."""
    zone = ZoneInfo(conversation.contact.clinic.timezone)
    return asked.appointment.starts_at.astimezone(zone).hour % 12


def _fits(choice: Choice, parsed: ParsedReply) -> bool:
    return parsed.score is not None and 1 <= parsed.score <= len(choice.sessions)


def _came_between(choice: Choice, scored: Sequence[tuple[OpenQuestion, datetime]]) -> bool:
    """Whether a score was asked for after the question which appointment is meant."""
    return any(asked_at > choice.asked_at for _, asked_at in scored)


def _take_choice(conversation: Conversation, choice: Choice, number: int | None) -> None:
    offered = [_offered(conversation, *appointment) for appointment in choice.sessions]
    if number is None or not 1 <= number <= len(offered):
        conversation.ask_which(offered, choice.meaning, score=choice.score)
        return
    asked = offered[number - 1]
    conversation.reply.meaning = Intent.CHOICE
    match choice.meaning:
        case Intent.CONFIRM:
            _confirm_one(conversation, asked)
        case Intent.SCORE:
            _take_score(conversation, [asked], choice.score)
        case _:
            _send_link(conversation, asked.appointment)


def _offered(conversation: Conversation, appointment_id: int, starts_at: datetime) -> OpenQuestion:
    appointment = conversation.session.get_one(Appointment, appointment_id)
    return OpenQuestion(appointment, starts_at)


def _take_score(
    conversation: Conversation, scored: Sequence[OpenQuestion], value: int | None
) -> None:
    if value is None:
        conversation.answer("score_again")
    elif len(scored) > 1:
        # Two patients share the phone and both were asked. A guess would go into a medical record.
        conversation.ask_which(scored, Intent.SCORE, score=value)
    else:
        appointment = conversation.about(scored[0].appointment)
        scores.record(
            conversation.session,
            conversation.actor(appointment),
            appointment,
            value=value,
            now=conversation.now,
        )
        conversation.answer("score_thanks", appointment=appointment, fields={"score": str(value)})
