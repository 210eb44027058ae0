"""Replies as patients type them are read as a sensible receptionist would read them."""

from collections import Counter

import pytest

from tests.reminders.replies.reading.outcomes import Example, examples, rank

CORPORA = ("sample", "own", "second", "third")


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{corpus}-{example.reply}")
        for corpus in CORPORA
        for example in examples(corpus)
    ],
)
def test_a_reply_of_the_corpora_has_an_acceptable_outcome(example: Example) -> None:
    assert rank(example) is not None


def test_most_replies_have_the_best_outcome() -> None:
    ranks = Counter(rank(example) for corpus in CORPORA for example in examples(corpus))

    assert ranks[0] / ranks.total() > 0.9
