"""What each kind of reply leads to. Where it could mean two things, we ask; we never guess."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.booking.courses import appointments
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import EXPECTED
from scheduler.progress import scores
from scheduler.reminders.intents import Intent
from scheduler.reminders.outbox import open_questions
from scheduler.reminders.outbox.open_questions import Choice, OpenQuestion
from scheduler.reminders.replies.intent import ParsedReply
from scheduler.reminders.replies.reply_context import Conversation
from scheduler.reminders.replies.vocabulary.words import Every

# The single word CANCEL stops all texts at the carriers, whatever we make of it.
MEANT_THE_SESSION = {"cancel", "cancel please", "please cancel"}


def warn(talk: Conversation, *, also_stop: bool) -> None:
    """Somebody may be in danger: tell whom to call, at once, and tell staff."""
    talk.reply.urgent = True
    talk.tell_staff("It speaks of danger.")
    if also_stop:
        talk.tell_staff("It also asked for no more texts.")
    talk.answer("emergency")


def say_goodbye(talk: Conversation) -> None:
    """The phone wants no more texts: staff know, for they may have to call."""
    talk.tell_staff("The phone asked for no more texts.")
    if talk.reply.body.strip(" .!\n").casefold() in MEANT_THE_SESSION:
        talk.tell_staff("Carriers take CANCEL so; perhaps a session was meant.")
    talk.answer("stopped")


def pass_on(talk: Conversation, reason: str) -> None:
    """People answer this one."""
    talk.tell_staff(reason)
    talk.answer("unknown")


def confirm(talk: Conversation, understood: ParsedReply) -> None:
    """C: the session that was asked about, at the time that was asked about."""
    at = talk.reply.at
    last = open_questions.last_said(talk.session, talk.phone, at=at)
    if understood.weak and not (last and last.asks_which):
        # "ok": to a text that asked for no yes it is an answer only if that asked for a number.
        if last and last.asks_for_score:
            talk.answer("score_again")
        return
    if understood.says_more:
        talk.tell_staff("It confirms, and says more.")
    asked = open_questions.asked_about(
        talk.session, talk.phone, talk.contact.clinic, at=at, now=talk.now
    )
    unconfirmed = [each for each in asked if each.appointment.state == AppointmentState.BOOKED]
    if not asked:
        talk.tell_staff("It confirms, and no session was asked about.")
        talk.answer("nothing_to_confirm")
    elif len(unconfirmed) > 1 and _are_one_time(unconfirmed):
        # Two children at the same time: a parent who comes with one comes with both.
        settled = [_settle(talk, each) for each in unconfirmed]
        _tell_of(talk, unconfirmed[0], is_settled=all(settled))
    elif len(unconfirmed) > 1:
        talk.ask_which(unconfirmed, Intent.CONFIRM)
    else:
        _confirm_one(talk, (unconfirmed or asked)[0])


def _are_one_time(asked: Sequence[OpenQuestion]) -> bool:
    """Whether all begin at one moment, and it is the one that was asked about."""
    times = {each.appointment.starts_at for each in asked} | {each.about for each in asked}
    return len(times) == 1


def _confirm_one(talk: Conversation, asked: OpenQuestion) -> None:
    _tell_of(talk, asked, is_settled=_settle(talk, asked))


def _settle(talk: Conversation, asked: OpenQuestion) -> bool:
    """Confirm a session, if it is still to come and at the time that was asked about."""
    appointment = _locked(talk, asked.appointment)
    if appointment.state not in EXPECTED or asked.about != appointment.starts_at:
        return False
    appointments.confirm(talk.session, talk.actor(appointment), appointment, now=talk.now)
    return True


def _locked(talk: Conversation, appointment: Appointment) -> Appointment:
    """The session as it is now that nobody else is changing its course: staff may have moved it
    since we looked.
    """
    course = talk.session.get_one(Course, appointment.course_id)
    talk.session.refresh(course, with_for_update={"key_share": True})
    talk.session.refresh(appointment)
    return appointment


def _tell_of(talk: Conversation, asked: OpenQuestion, *, is_settled: bool) -> None:
    appointment = talk.about(asked.appointment)
    if is_settled:
        talk.answer("confirmed", appointment=appointment)
    elif appointment.state in EXPECTED:
        # They said yes to a time that is no longer true: tell the new one, and ask again.
        talk.answer(open_questions.ASKS_TO_CONFIRM, appointment=appointment)
    else:
        talk.tell_staff("It confirms a session that is no longer to be.")
        talk.answer("nothing_to_confirm")


def reschedule(talk: Conversation, understood: ParsedReply) -> None:
    """R: the private link, on which sessions are moved and cancelled. Nothing changes by text."""
    clinic = talk.contact.clinic
    if understood.says_more:
        talk.tell_staff("It wishes to change or cancel a session, and says more.")
    sessions = open_questions.asked_about(
        talk.session, talk.phone, clinic, at=talk.reply.at, now=talk.now
    ) or open_questions.next_sessions(talk.session, talk.phone, clinic, now=talk.now)
    first = {appointment.appointment.course_id: appointment for appointment in reversed(sessions)}
    if not sessions:
        pass_on(talk, "It wishes to change a session, and none is to come.")
    elif len(first) > 1:
        soonest = sorted(first.values(), key=lambda each: each.appointment.starts_at)
        talk.ask_which(soonest, Intent.RESCHEDULE)
    else:
        _send_link(talk, sessions[0].appointment)


def _send_link(talk: Conversation, appointment: Appointment) -> None:
    notice = timedelta(hours=talk.contact.clinic.cancel_notice_hours)
    if appointment.starts_at - talk.now < notice:
        # The page takes a late cancellation too, but a call may still find somebody for the time.
        talk.tell_staff(
            f"It wishes to change a session that begins in less than"
            f" {talk.contact.clinic.cancel_notice_hours} hours."
        )
        talk.answer("late_change", appointment=talk.about(appointment))
    else:
        talk.answer("reschedule", appointment=talk.about(appointment))


def take_number(talk: Conversation, understood: ParsedReply) -> None:
    """A number: one of the sessions that we listed, or how somebody is."""
    if understood.every and take_every(talk, understood.every):
        return
    at = talk.reply.at
    choice = open_questions.choice(talk.session, talk.phone, at=at)
    scored = open_questions.to_be_scored(talk.session, talk.phone, talk.contact.clinic, at=at)
    if understood.names == "score":
        choice = None
    elif understood.names == "choice":
        scored = []
    elif choice and scored:
        since = _came_between(choice, scored)
        if not _fits(choice, understood) or (since and choice.is_answered):
            choice = None
        elif not since:
            scored = []
    if choice and scored:
        talk.answer("which_question", fields={"score": str(understood.score)})
    elif choice:
        _take_choice(talk, choice, understood.score)
    elif scored:
        _take_score(talk, [each for each, _ in scored], understood.score)
    else:
        pass_on(talk, "A number, and none was asked for.")


def take_every(talk: Conversation, every: Every) -> bool:
    """`Both`, to the question which session is confirmed: all that were listed are.

    False, and nothing is done, where it is no plain answer to that question. Where we asked which
    session to change, it is none: nothing is changed for several at once.
    """
    at = talk.reply.at
    choice = open_questions.choice(talk.session, talk.phone, at=at)
    if choice is None or choice.meaning != Intent.CONFIRM:
        return False
    scored = open_questions.to_be_scored(talk.session, talk.phone, talk.contact.clinic, at=at)
    if _came_between(choice, scored) or every.how_many not in (0, len(choice.sessions)):
        return False
    offered = [_offered(talk, *appointment) for appointment in choice.sessions]
    if every.may_be_hour and any(_hour(talk, each) == every.how_many for each in offered):
        return False
    talk.reply.meaning = Intent.CHOICE
    # Courses are locked in one order, whoever asks.
    in_order = sorted(offered, key=lambda each: each.appointment.course_id)
    settled = [each for each in in_order if _settle(talk, each)]
    if len(settled) == 1:
        _tell_of(talk, settled[0], is_settled=True)
    elif settled:
        told = [each for each in offered if each in settled]
        talk.answer("confirmed_all", fields={"choices": talk.listed(told)})
    if unsettled := [each for each in in_order if each not in settled]:
        talk.tell_staff("It confirms several sessions, and not all were as it was asked.")
        _tell_of(talk, unsettled[0], is_settled=False)
    return True


def _hour(talk: Conversation, asked: OpenQuestion) -> int:
    """The hour at which a session begins, on a clock of twelve."""
    zone = ZoneInfo(talk.contact.clinic.timezone)
    return asked.appointment.starts_at.astimezone(zone).hour % 12


def _fits(choice: Choice, understood: ParsedReply) -> bool:
    return understood.score is not None and 1 <= understood.score <= len(choice.sessions)


def _came_between(choice: Choice, scored: Sequence[tuple[OpenQuestion, datetime]]) -> bool:
    """Whether we asked for a score after we had asked which session."""
    return any(asked_at > choice.asked_at for _, asked_at in scored)


def _take_choice(talk: Conversation, choice: Choice, number: int | None) -> None:
    offered = [_offered(talk, *appointment) for appointment in choice.sessions]
    if number is None or not 1 <= number <= len(offered):
        talk.ask_which(offered, choice.meaning, score=choice.score)
        return
    asked = offered[number - 1]
    talk.reply.meaning = Intent.CHOICE
    match choice.meaning:
        case Intent.CONFIRM:
            _confirm_one(talk, asked)
        case Intent.SCORE:
            _take_score(talk, [asked], choice.score)
        case _:
            _send_link(talk, asked.appointment)


def _offered(talk: Conversation, appointment_id: int, starts_at: str) -> OpenQuestion:
    appointment = talk.session.get_one(Appointment, appointment_id)
    return OpenQuestion(appointment, datetime.fromisoformat(starts_at))


def _take_score(talk: Conversation, scored: Sequence[OpenQuestion], value: int | None) -> None:
    if value is None:
        talk.answer("score_again")
    elif len(scored) > 1:
        # Two people share the phone, and both were asked: a guess would be somebody's record.
        talk.ask_which(scored, Intent.SCORE, score=value)
    else:
        appointment = talk.about(scored[0].appointment)
        scores.record(talk.session, talk.actor(appointment), appointment, value=value, now=talk.now)
        talk.answer("score_thanks", appointment=appointment, fields={"score": str(value)})
