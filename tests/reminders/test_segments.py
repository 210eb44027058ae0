"""Segments are counted as the networks count them, and look-alikes do not cost a segment."""

import pytest

from scheduler.reminders.segments import GSM, GSM_TWO, Segments, count, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3)),  # an escape is not cut in two
        ("mañana, señor", Segments("GSM-7", 13, 1)),
        ("línea\r\nnueva", Segments("UCS-2", 12, 1)),
        ("é\r\nÉ", Segments("GSM-7", 4, 1)),
        ("ż" * 70, Segments("UCS-2", 70, 1)),
        ("ż" * 71, Segments("UCS-2", 71, 2)),
        ("ż" * 134, Segments("UCS-2", 134, 2)),
        ("ż" * 135, Segments("UCS-2", 135, 3)),
        ("😀" * 35, Segments("UCS-2", 70, 1)),
        ("😀" * 67, Segments("UCS-2", 134, 3)),  # 33 pairs fit in 67 units, not 33 and a half
        ("👩‍👧" * 14, Segments("UCS-2", 70, 1)),
        ("👩‍👧" * 27, Segments("UCS-2", 135, 3)),
    ],
)
def test_a_text_is_counted(text: str, expected: Segments) -> None:
    assert count(text) == expected


def test_the_alphabet_has_its_128_places() -> None:
    assert len(GSM) == 127  # and ESC, which opens the second table
    assert len(GSM_TWO) == 10


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("“Don’t” – wait…", '"Don\'t" - wait...'),
        ("9:00\u202fAM", "9:00 AM"),
        ("one\u00a0two\tthree", "one two three"),
        ("• tip · tip", "- tip - tip"),
        ("½ hour, 20 ÷ 2 × 3", "1/2 hour, 20 / 2 x 3"),
        ("Zoë François Łukasz", "Zoe Francois Lukasz"),
        ("sesión mañana", "sesion mañana"),
        ("cafe\u0301", "café"),
        ("a\u200bb\u202ec\ufeff", "abc"),
        ("bell\x07 feed\f", "bell feed "),
        ("two\nlines", "two\nlines"),
        ("ﬁne ＡＢＣ", "fine ABC"),
        ("明日 9:00", "明日 9:00"),
        ("завтра й", "завтра й"),
        ("👩‍👧", "👩‍👧"),
    ],
)
def test_look_alikes_are_replaced(typed: str, sent: str) -> None:
    assert plain(typed) == sent
    assert plain(sent) == sent
