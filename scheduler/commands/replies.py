"""Shows how replies would be read, without a database."""

import json
from collections.abc import Iterable, Iterator

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading.intent import ParsedReply, parse

MEANINGS = {
    Intent.CONFIRM: "confirm",
    Intent.RESCHEDULE: "change",
    Intent.STOP: "stop",
    Intent.START: "start",
    Intent.HELP: "help",
    Intent.SCORE: "score",
    Intent.EMERGENCY: "emergency",
    Intent.REACTION: "silence",
    Intent.UNCLEAR: "staff",
}
"""The words of the output. A reply that a program cannot read is for staff."""

FOR_STAFF = {Intent.EMERGENCY, Intent.STOP, Intent.UNCLEAR}


def read(lines: Iterable[str]) -> Iterator[str]:
    """One JSON object for each line. A literal `\\n` in a line is a line break."""
    for line in lines:
        reply = line.rstrip("\r\n")
        parsed = parse(reply.replace("\\n", "\n"))
        yield json.dumps({"reply": reply, **outcome(parsed)}, ensure_ascii=False)


def outcome(parsed: ParsedReply) -> dict[str, str | int | bool | None]:
    """What would be done about a reply if each question that it answers were open."""
    is_score = parsed.meaning == Intent.SCORE
    return {
        "meaning": MEANINGS[parsed.meaning],
        "score": parsed.score,
        "asks_again": is_score and parsed.score is None,
        "before_staff": parsed.meaning in FOR_STAFF or parsed.says_more,
    }
