"""Segments are counted as the networks count them, and look-alikes do not cost a segment."""

import pytest

from scheduler.reminders.schedule.segments import GSM, GSM_TWO, Segments, count, plain


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
        # GSM-7: one whole part holds 160 septets, each of several 153.
        ("a", Segments("GSM-7", 1, 1)),
        ("a" * 159 + "€", Segments("GSM-7", 161, 2)),
        ("a" * 158 + "€", Segments("GSM-7", 160, 1)),
        ("a" * 153 + "€" + "a" * 151, Segments("GSM-7", 306, 2)),
        ("a" * 151 + "€" + "a" * 153, Segments("GSM-7", 306, 2)),
        ("a" * 305 + "€", Segments("GSM-7", 307, 3)),
        ("[" * 76 + "a" + "]" * 76, Segments("GSM-7", 305, 2)),
        ("a" * 459, Segments("GSM-7", 459, 3)),
        ("a" * 460, Segments("GSM-7", 460, 4)),
        ("^{}\\[~]|€", Segments("GSM-7", 18, 1)),
        ("@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", Segments("GSM-7", 41, 1)),
        ("\r\n" * 80, Segments("GSM-7", 160, 1)),
        ("\r\n" * 80 + "a", Segments("GSM-7", 161, 2)),
        # One sign of another alphabet, and all of it is UCS-2: 70 units, or 67 each.
        ("a" * 69 + "ç", Segments("UCS-2", 70, 1)),
        ("a" * 70 + "ç", Segments("UCS-2", 71, 2)),
        ("ż" * 67 + "a" * 67, Segments("UCS-2", 134, 2)),
        ("9:00\u202fAM", Segments("UCS-2", 7, 1)),
        ("’", Segments("UCS-2", 1, 1)),
        ("€" * 66 + "ż", Segments("UCS-2", 67, 1)),  # no escapes there: the euro is one
        # Nothing that people see as one sign is cut in two.
        ("ż" * 66 + "\r\n" + "ż" * 66, Segments("UCS-2", 134, 3)),
        ("ż" * 66 + "x\u0301" + "ż" * 66, Segments("UCS-2", 134, 3)),
        ("ż" * 65 + "👍🏽" + "ż" * 65, Segments("UCS-2", 134, 3)),
        ("ż" * 63 + "👍🏽" + "ż" * 67, Segments("UCS-2", 134, 2)),
        ("ż" * 64 + "🇺🇸" + "ż" * 66, Segments("UCS-2", 134, 3)),
        ("ż" * 63 + "🇺🇸" + "ż" * 67, Segments("UCS-2", 134, 2)),
        ("ż" * 63 + "🇺🇸🇩🇪" + "ż" * 63, Segments("UCS-2", 134, 2)),  # two flags, not one of four
        ("ż" * 60 + "👩‍👩‍👧" + "ż" * 66, Segments("UCS-2", 134, 3)),
        ("ż" * 59 + "👩‍👩‍👧" + "ż" * 67, Segments("UCS-2", 134, 2)),
        ("ż" * 65 + "1\ufe0f\u20e3" + "ż" * 66, Segments("UCS-2", 134, 3)),  # a keycap
        ("ż" * 66 + "❤\ufe0f" + "ż" * 66, Segments("UCS-2", 134, 3)),
        ("ż" * 60 + "🏴󠁧󠁢󠁳󠁣󠁴󠁿" + "ż" * 60, Segments("UCS-2", 134, 3)),  # the flag of Scotland
        ("ż" * 66 + "\u1112\u1161\u11ab" + "ż" * 65, Segments("UCS-2", 134, 3)),  # one syllable
        ("ż" * 66 + "한글" + "ż" * 66, Segments("UCS-2", 134, 2)),
        ("ż" * 66 + "กำ" + "ż" * 66, Segments("UCS-2", 134, 3)),  # one syllable of Thai
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
