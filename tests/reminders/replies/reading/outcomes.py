"""The corpora of replies, and how a reading is compared with their outcomes.

A corpus is a table of three columns: group, reply, outcomes. All replies are invented. `\\n` in a
reply is a line break. The outcomes that a sensible receptionist could live with are separated by
`|`, the best one first:

    emergency, stop, start, help, confirm, change, staff, silence   the meaning of the reply
    change+staff                                                    and staff see it
    score:7                                                         the score 7
    score?                                                          a number that is no clear score
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scheduler.commands.replies import outcome
from scheduler.reminders.replies.reading.intent import parse

FOLDER = Path(__file__).parent.parent / "corpus"


class Example(NamedTuple):
    """One row of a corpus."""

    group: str
    reply: str
    outcomes: list[str]


def examples(corpus: str) -> Iterator[Example]:
    """The rows of `corpus`.tsv."""
    rows = (FOLDER / f"{corpus}.tsv").read_text("utf-8").rstrip("\n").split("\n")[1:]
    for row in rows:
        group, reply, outcomes = row.split("\t")
        yield Example(group, reply, outcomes.split("|"))


def rank(example: Example) -> int | None:
    """The place of the reading among the outcomes, 0 for the best; None for a wrong reading."""
    read = outcome(parse(example.reply.replace("\\n", "\n")))
    meanings = {str(read["meaning"])}
    if read["before_staff"]:
        meanings.add(f"{read['meaning']}+staff")
    if read["meaning"] == "score":
        meanings.add("score?" if read["score"] is None else f"score:{read['score']}")
    places = [place for place, wanted in enumerate(example.outcomes) if wanted in meanings]
    return min(places, default=None)
