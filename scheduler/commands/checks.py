"""doctor, text-me: commands that check an installation."""

import typer

from scheduler import doctor as examination
from scheduler.commands.process import fail, opened, say, sender
from scheduler.infra import phone
from scheduler.infra.clock import SystemClock
from scheduler.sms.sender import LeaseLost, Unknown

TEST_TEXT = "This is a test of our texts. If you did not expect it, please ignore it."


def doctor() -> bool:
    """Print the findings. Returns whether none of them is wrong."""
    is_well = True
    with opened() as (settings, database):
        carrier = None if settings.sms == "console" else sender(settings)
        now = SystemClock().now()
        for finding in examination.examine(settings, database, carrier=carrier, now=now):
            level = "WRONG" if finding.is_wrong else "note" if finding.remedy else "ok"
            say(f"{level:5} {finding.subject}: {finding.sentence} {finding.remedy}".rstrip())
            is_well = is_well and not finding.is_wrong
    return is_well


def text_me(number: str) -> None:
    """Send one test text."""
    if not number.startswith("+"):
        raise typer.BadParameter("give the number with + and its country code")
    country = phone.country_of(number)
    try:
        with opened() as (settings, _):
            allowed = settings.countries or {country}
            to = phone.normalize(number, country=country, allowed=allowed)
            sender(settings).send(to=to, text=TEST_TEXT, receipt_url=None, valid_seconds=600)
    except (Unknown, LeaseLost) as problem:
        fail(
            str(problem) or "The carrier did not answer, so the text may or may not have been sent."
        )
    say("The carrier has accepted the text.")
