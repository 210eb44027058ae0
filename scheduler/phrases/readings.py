"""How a reply was read, and why. Only staff read it, in English."""

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading.intent import ParsedReply

READ_AS = {
    Intent.CONFIRM: "a confirmation",
    Intent.RESCHEDULE: "a request to change or cancel",
    Intent.STOP: "an opt-out",
    Intent.START: "an opt-in",
    Intent.HELP: "a request for help",
    Intent.SCORE: "a number",
    Intent.EMERGENCY: "an emergency",
    Intent.REACTION: "a reaction or thanks",
    Intent.UNCLEAR: "unclear",
}


def read_as(parsed: ParsedReply) -> str:
    """One sentence: Read as an opt-out, because of "no more texts"."""
    kind = READ_AS.get(parsed.meaning, READ_AS[Intent.UNCLEAR])
    danger = f" ({parsed.danger.kind})" if parsed.danger else ""
    why = f', because of "{parsed.because}"' if parsed.because else ""
    return f"Read as {kind}{danger}{why}."
