"""The prose check finds banned phrases where they stand, and nothing in code."""

import pytest

from workshop import prose

PHRASES = prose.read_phrases(prose.PHRASES.read_text())

CODE = '''"""Plans the course anew.

Whoever confirms is
told so.
"""

# A patient waits for
# a room, meanwhile.
SELECT = "Nobody selects anew."


def plan(time: str) -> None:  # noqa: D103 anew
    """Send `anew` to the patient."""
    raise Conflict(f"Whoever took {time} has it.")
'''


def found_in(text: str) -> list[tuple[int, str]]:
    return [
        (finding.line, finding.found)
        for finding in prose.find([prose.Passage("page.md", 1, text)], PHRASES)
    ]


def test_docstrings_and_comments_are_read_with_their_lines() -> None:
    passages = list(prose.read_code("plan.py", CODE, sentences=False))

    findings = prose.find(passages, PHRASES)

    assert [(finding.line, finding.found) for finding in findings] == [
        (1, "anew"),
        (3, "Whoever"),
        (3, "is told"),
        (8, "meanwhile"),
    ]


def test_sentences_of_the_product_are_read_too() -> None:
    passages = list(prose.read_code("plan.py", CODE, sentences=True))

    found = {(finding.line, finding.found) for finding in prose.find(passages, PHRASES)}

    assert found >= {(9, "Nobody"), (9, "anew"), (14, "Whoever")}


def test_code_and_addresses_on_a_page_are_not_prose() -> None:
    page = "Run `make anew`.\n\n```\nanew\n```\n\n    anew\n\n[The plan](plans/anew.md) is anew.\n"

    passage = prose.read_page("page.md", page)

    assert found_in(passage.text) == [(9, "anew")]


@pytest.mark.parametrize(
    "text",
    [
        "Who confirms late is asked again.",
        "The rule. What cannot follow is named.",
        "- Whoever waits.",
        "| fault | Whose link is lost gets a new one. |",
    ],
)
def test_a_relative_clause_does_not_begin_a_sentence(text: str) -> None:
    assert len(found_in(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "What cannot follow?",
        "Patients who confirm late are asked again.",
        "The page shows what was sent.",
    ],
)
def test_questions_and_later_clauses_pass(text: str) -> None:
    assert found_in(text) == []


def test_every_phrase_says_what_to_write_instead() -> None:
    assert [phrase.pattern.pattern for phrase in PHRASES if not phrase.advice] == []


def test_words_of_all_passages_are_counted() -> None:
    passages = [prose.Passage("a.py", 1, "Send it once."), prose.Passage("b.md", 1, "Twice.")]

    assert prose.count_words(passages) == 4
