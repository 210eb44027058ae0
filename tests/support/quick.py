"""`--quick`: the tests to run after each change, in a minute or so. `make test` runs all of them.

Runs the rules, the API and the patient pages on SQLite, and opens some pages in Chromium. Omits
PostgreSQL, other processes, stories from the form to the text message, Spanish layout, and tests
marked `slow`.
"""

from pathlib import Path

import pytest

FOLDERS = ("kill", "load", "maintenance", "storage", "stories", "workshop", "test_cli.py")
"""Below `tests/`."""

PAGES = {
    "treatments",
    "treatment",
    "not found",
    "screening, unanswered",
    "wishes, refused with remedies",
    "plan, with compromises",
    "details, unreadable",
    "code, wrong",
    "done, unfolded",
    "my course, unfolded",
    "move the rest, shown",
    "offer",
}
"""The states of pages that Chromium opens."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="run only the fast tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("quick"):
        return
    left_out = [item for item in items if not _is_quick(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _is_quick(item)]


def _is_quick(item: pytest.Item) -> bool:
    parameters = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    below = item.path.relative_to(Path(__file__).parents[1]).parts[0]
    fixtures = getattr(item, "fixturenames", ())
    return not (
        below in FOLDERS
        or item.get_closest_marker("slow")
        or "postgresql_url" in fixtures
        or item.name.startswith("test_each_page_has_room_for_spanish")
        or parameters.get("database_kind") == "postgresql"
        or ("browser" in fixtures and getattr(parameters.get("state"), "name", "") not in PAGES)
    )
