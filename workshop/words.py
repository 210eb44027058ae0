"""Update the translation catalogs of the pages from the code: `make words`.

New sentences are added to `scheduler/i18n/locale/*/LC_MESSAGES/pages.po` without a translation,
and sentences that left the code are removed. No sentence inherits the translation of a similar one.
Date patterns (context "pattern") are kept: nothing in the code marks them.
"""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "scheduler"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}


def main() -> None:
    """Rewrite each catalog."""
    wanted = extracted()
    for file in sorted((PROGRAM / "i18n" / "locale").glob("*/LC_MESSAGES/pages.po")):
        file.write_bytes(updated(file, wanted))


def extracted() -> Catalog:
    """All sentences of the pages: those that the code marks, and the sentences of errors."""
    found = Catalog(fuzzy=False)
    for name, _, message, comments, context in extract_from_dir(
        PROGRAM, METHODS, OPTIONS, KEYWORDS, comment_tags=("for translators:",)
    ):
        place = [(f"scheduler/{name}", 0)]
        found.add(message, locations=place, auto_comments=comments, context=context)
    for name, sentence in _errors():
        found.add(sentence, locations=[(name, 0)])
    return found


def updated(file: Path, wanted: Catalog) -> bytes:
    """A catalog with exactly the wanted sentences. Translations are kept."""
    # Keep the header, because Babel would write the time into it.
    header, _, _ = file.read_bytes().partition(b"\n\n")
    with file.open("rb") as lines:
        catalog = read_po(lines, locale=file.parent.parent.name, domain="pages")
    patterns = [message for message in catalog if message.context == "pattern"]
    catalog.update(wanted, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    for pattern in patterns:
        catalog.add(pattern.id, pattern.string, context=pattern.context)
    written = io.BytesIO()
    write_po(written, catalog, width=100, sort_output=True, include_lineno=False, omit_header=True)
    return header + b"\n\n" + written.getvalue()


def _errors() -> Iterator[tuple[str, str]]:
    """The default sentence of each error class: its constant `sentence`."""
    kinds = {"Problem"}
    files = [file for file in sorted(PROGRAM.rglob("*.py")) if not _only_for_staff(file)]
    trees = [(file, ast.parse(file.read_text())) for file in files]
    classes = [
        (file, node)
        for file, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    while True:
        more = {
            node.name
            for _, node in classes
            if kinds.intersection(base.id for base in node.bases if isinstance(base, ast.Name))
        }
        if more <= kinds:
            break
        kinds |= more
    for file, node in classes:
        if node.name in kinds and (sentence := _default_sentence(node)):
            yield str(file.relative_to(ROOT)), sentence


def _default_sentence(node: ast.ClassDef) -> str:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="sentence")], value=value):
                return str(ast.literal_eval(value))
            case ast.AnnAssign(target=ast.Name(id="sentence"), value=ast.expr() as value):
                return str(ast.literal_eval(value))
    return ""


def _only_for_staff(file: Path) -> bool:
    """Whether patients never read the sentences of this file."""
    folders = file.relative_to(PROGRAM).parts
    return "staff" in folders or folders[0] in {"api", "sms", "cli.py", "worker.py"}


if __name__ == "__main__":
    main()
