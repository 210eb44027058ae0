"""Replies as patients type them are read as a sensible receptionist would read them."""

from collections import Counter

import pytest

from tests.reminders.replies.reading.outcomes import examples, rank

CORPORA = ("sample", "own", "second", "third")


@pytest.mark.parametrize("corpus", CORPORA)
def test_each_reply_of_a_corpus_has_an_acceptable_outcome(corpus: str) -> None:
    assert [example for example in examples(corpus) if rank(example) is None] == []


def test_most_replies_have_the_best_outcome() -> None:
    ranks = Counter(rank(example) for corpus in CORPORA for example in examples(corpus))

    assert ranks[0] / ranks.total() > 0.9
