"""Published courses of acupuncture: what was written, in figures, and the same as phases.

A row's `said` holds, for each stretch: sessions, and as far as published per_week, weeks, days,
every_days, every_weeks, weeks_min, weeks_max, weekdays, gap_weeks before it, optional.
"""

from typing import Any, NamedTuple


class Regimen(NamedTuple):
    """One published course."""

    name: str
    said: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    source: str
    quote: str


COCHRANE = "https://pmc.ncbi.nlm.nih.gov/articles/PMC8095030/table/"
STRICTA = "https://stricta.info/checklist/explanations-and-examples-for-item-3-treatment-regimen/"

REGIMENS = [
    Regimen(
        "Cherkin 2009, chronic low back pain",
        [
            {"sessions": 6, "per_week": 2, "weeks": 3},
            {"sessions": 4, "per_week": 1, "weeks": 4},
        ],
        [{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}],
        COCHRANE + "CD013814-tblf-0008",
        "10 sessions (20 min, 2/week for 3 weeks + 1/week for 4 weeks)",
    ),
    Regimen(
        "Haake 2007, chronic low back pain",
        [
            {"sessions": 10, "per_week": 2, "weeks": 5},
            {"sessions": 5, "optional": True},
        ],
        [
            {"sessions": 10, "per_week": 2},
            {"sessions": 5, "per_week": 2, "optional": True},
        ],
        COCHRANE + "CD013814-tblf-0011",
        "10 sessions (30 min, 2/week for 5 weeks); 5 additional sessions if",
    ),
    Regimen(
        "Brinkhaus 2006, chronic low back pain",
        [{"sessions": 12, "weeks": 8}],
        [{"sessions": 12, "within_days": 56}],
        "https://www.deepdyve.com/lp/american-medical-association/"
        "acupuncture-in-patients-with-chronic-low-back-pain-ybU0JKkBIT?key=JAMA",
        "consisted of 12 sessions per patient over 8 weeks",
    ),
    Regimen(
        "Cesare 2011, chronic low back pain",
        [{"sessions": 4, "per_week": 1, "weeks": 4}],
        [{"sessions": 4, "per_week": 1}],
        COCHRANE + "CD013814-tblf-0005",
        "4 sessions (1/week for 4 weeks)",
    ),
    Regimen(
        "Yuan 2009, chronic low back pain, high frequency",
        [{"sessions": 10, "per_week": 5, "weeks": 2}],
        [{"sessions": 10, "per_week": 5}],
        "https://www.acupuncture-exeter.co.uk/acupuncture-improves-chronic-lower-back-pain/",
        "the high frequency group received five treatments per week for two weeks",
    ),
    Regimen(
        "NICE CG150 2012, headache",
        [{"sessions": 10, "weeks_min": 5, "weeks_max": 8}],
        [{"sessions": 10, "within_days": 56, "at_least_days": 29}],
        "http://warwickphysio.com/resources.php?page=articles&article=12",
        "a course of up to 10 sessions of acupuncture, administered over a period of from five"
        " to eight weeks",
    ),
    Regimen(
        "Knee osteoarthritis, Monday, Wednesday, Friday",
        [{"sessions": 12, "per_week": 3, "weeks": 4, "weekdays": ["mon", "wed", "fri"]}],
        [{"sessions": 12, "per_week": 3, "weekdays": ["mon", "wed", "fri"]}],
        "https://pubcompare.ai/protocol/y8VY1YwB4C3bMWOehqMp",
        "3 times a week (Monday, Wednesday, and Friday) for 4 weeks (12 times)",
    ),
    Regimen(
        "STRICTA 3a(i), a taper",
        [
            {"sessions": 16, "per_week": 2, "weeks": 8},
            {"sessions": 2, "per_week": 1, "weeks": 2},
            {"sessions": 2, "every_weeks": 2, "weeks": 4},
            {"sessions": 3, "every_weeks": 4, "weeks": 12},
        ],
        [
            {"sessions": 16, "per_week": 2},
            {"sessions": 2, "per_week": 1},
            {"sessions": 2, "per_week": 0.5},
            {"sessions": 3, "per_week": 0.25},
        ],
        STRICTA,
        "8 weeks of 2 treatments per week followed by 2 weeks of 1 treatment per week, 4 weeks of"
        " 1 treatment every other week",
    ),
    Regimen(
        "STRICTA 3b(i), more after four weeks if offered",
        [
            {"sessions": 6, "per_week": 2, "weeks": 3},
            {"sessions": 2, "per_week": 1, "weeks": 2},
            {"sessions": 2, "per_week": 1, "weeks": 2, "gap_weeks": 4, "optional": True},
        ],
        [
            {"sessions": 6, "per_week": 2},
            {"sessions": 2, "per_week": 1},
            {"sessions": 2, "per_week": 1, "rest_days": 28, "optional": True},
        ],
        STRICTA,
        "a maximum of eight times, twice during each of the first three weeks and once during"
        " each of the following two weeks",
    ),
    Regimen(
        "Daily for six days, then every other day",
        [
            {"sessions": 6, "every_days": 1, "days": 6},
            {"sessions": 18, "every_days": 2},
        ],
        # The second part starts with week 2: one free day between them.
        [
            {"sessions": 6, "every_days": 1},
            {"sessions": 18, "every_days": 2, "rest_days": 1},
        ],
        "https://www.kungfumagazine.com/forum/showthread.php"
        "?p=1306570&s=961359daafebeb59e199674a2f5f7082",
        "On week 1, the acupuncture treatments were applied once daily for 6 consecutive days."
        " Starting at week 2, the treatments were applied every other day.",
    ),
    Regimen(
        "Da 2015, functional constipation",
        [
            {"sessions": 10, "per_week": 5, "weeks": 2},
            {"sessions": 18, "per_week": 3, "weeks": 6},
        ],
        [{"sessions": 10, "per_week": 5}, {"sessions": 18, "per_week": 3}],
        "https://pubmed.ncbi.nlm.nih.gov/26064169/",
        "received 5 treatments per week in the first two weeks, then 3 treatments per week during"
        " the following six weeks",
    ),
    Regimen(
        "Psychological distress 2013",
        [{"sessions": 8, "per_week": 1, "weeks": 8}],
        [{"sessions": 8, "per_week": 1}],
        "https://bmccomplementmedtherapies.biomedcentral.com"
        "/articles/10.1186/1472-6882-13-308/tables/2",
        "once a week for 8 weeks. 45 minutes session",
    ),
]
