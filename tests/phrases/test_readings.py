"""Staff read how a reply was read, and because of which words."""

import pytest

from scheduler.phrases.readings import read_as
from scheduler.reminders.replies.reading.intent import parse


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ("There is no more texts please", 'Read as an opt-out, because of "no more texts".'),
        ("my chest hurts", 'Read as an emergency (chest), because of "chest hurts".'),
        ("See you tomorrow", 'Read as a confirmation, because of "see you tomorrow".'),
        ("where do I park", "Read as unclear."),
    ],
)
def test_a_reading_names_the_words_that_decided_it(reply: str, sentence: str) -> None:
    assert read_as(parse(reply)) == sentence
