"""The documents name files that exist and settings that the code describes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from scheduler.infra.settings import Settings
from workshop import documents

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
NAMED = re.compile(
    r"`((?:scheduler|tests|docs|workshop|benchmarks|alembic|\.ci|\.github)/[\w./-]+)"
)
LINKED = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def named_files() -> Iterator[tuple[Path, Path]]:
    for page in PAGES:
        yield from ((page, ROOT / name) for name in NAMED.findall(page.read_text()))


def linked_files() -> Iterator[tuple[Path, Path]]:
    for page in PAGES:
        links = LINKED.findall(page.read_text())
        yield from ((page, page.parent / link) for link in links if "://" not in link)


def test_every_file_that_a_page_names_exists() -> None:
    files = list(named_files())

    assert files
    assert [(page.name, str(file)) for page, file in files if not file.exists()] == []


def test_every_link_to_a_file_leads_to_one() -> None:
    files = list(linked_files())

    assert files
    assert [(page.name, str(file)) for page, file in files if not file.exists()] == []


def test_every_setting_is_described() -> None:
    fields = Settings.model_fields

    assert [name for name, field in fields.items() if not field.description] == []


def test_a_page_that_differs_from_the_code_is_stale(tmp_path: Path) -> None:
    page = tmp_path / "settings.md"

    missing = documents.is_current(page, "new")
    page.write_text("old")
    stale = documents.is_current(page, "new")
    page.write_text("new")
    current = documents.is_current(page, "new")

    assert (missing, stale, current) == (False, False, True)


def test_the_openapi_document_breaks_its_lines() -> None:
    text = documents.openapi_document()

    assert json.loads(text)["info"]["title"]
    assert [line for line in text.splitlines() if len(line) > 1000] == []
