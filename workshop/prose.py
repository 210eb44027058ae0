"""Count the phrases that our prose does not use: `make prose`.

Prose is every docstring, comment and sentence in Python files, and every Markdown page.
`banned-phrases.txt` lists the phrases. The check fails above 0.5 phrases per 1,000 words.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHRASES = Path(__file__).with_name("banned-phrases.txt")
LIMIT = 0.5
"""Phrases per 1,000 words."""

CODE_FOLDERS = ("scheduler", "tests", "workshop", "benchmarks", "alembic")
PAGES = ("*.md", "docs/**/*.md", ".github/**/*.md")

START = r"(?:\A|(?<=[.!?:;] )|(?<=[-*|] )|(?<=  ))"
STATEMENT = r"[^.?!]+(?=[.!]|\Z)"
CODE = re.compile(r"``.*?``|`[^`\n]*`", re.DOTALL)
FENCED = re.compile(r"^```.*?^```$|^    .*?$", re.DOTALL | re.MULTILINE)
LINK_TARGET = re.compile(r"\]\([^)]*\)|https?://\S+")
DIRECTIVE = re.compile(r"#\s*(noqa|type:|fmt:|pragma|!)")
WORD = re.compile(r"[A-Za-z][A-Za-z']*")
SENTENCE = re.compile(r"[A-Z¤]\S*(\s+\S+){2,}[.?!]")


@dataclass(frozen=True)
class Phrase:
    """A banned phrase and what to write instead."""

    pattern: re.Pattern[str]
    advice: str


@dataclass(frozen=True)
class Passage:
    """A stretch of prose and the line where it starts."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Finding:
    """A banned phrase in a passage."""

    file: str
    line: int
    found: str
    advice: str


def main() -> int:
    """Print the rate and the worst files; return 1 if the rate is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print every occurrence")
    parser.add_argument("paths", nargs="*", help="only files whose path starts with one of these")
    options = parser.parse_args()
    passages = [
        passage
        for passage in read_repository()
        if not options.paths or passage.file.startswith(tuple(options.paths))
    ]
    findings = find(passages, read_phrases(PHRASES.read_text()))
    words = count_words(passages)
    if options.list:
        for finding in findings:
            print(f"{finding.file}:{finding.line}: {finding.found!r}: {finding.advice}")
    rate = 1000 * len(findings) / max(words, 1)
    print(f"{words:,} words, {len(findings)} banned phrases: {rate:.2f} per 1,000 words")
    for file, number in Counter(finding.file for finding in findings).most_common(10):
        lines = [str(finding.line) for finding in findings if finding.file == file]
        print(f"  {number:4} in {file}, lines {', '.join(lines[:12])}")
    if rate <= LIMIT:
        return 0
    print(
        f"More than {LIMIT} per 1,000 words. `make prose ARGS=--list` lists all.", file=sys.stderr
    )
    return 1


def read_phrases(lines: str) -> list[Phrase]:
    """The phrases of a list in the format of `banned-phrases.txt`."""
    phrases = []
    for line in lines.splitlines():
        if not line or line.startswith("#"):
            continue
        pattern, _, advice = line.partition("  # ")
        pattern = pattern.replace("<start>", START).replace("<statement>", STATEMENT)
        # A capital letter marks the start of a sentence, so these patterns keep the case.
        flags = re.NOFLAG if START in pattern else re.IGNORECASE
        phrases.append(Phrase(re.compile(pattern, flags), advice))
    return phrases


def find(passages: Iterable[Passage], phrases: list[Phrase]) -> list[Finding]:
    """Every occurrence of a phrase, in the order of the passages."""
    return [
        Finding(
            file=passage.file,
            line=passage.line + passage.text.count("\n", 0, match.start()),
            found=" ".join(match.group().split())[:60],
            advice=phrase.advice,
        )
        for passage in passages
        for phrase in phrases
        # One space for each line break keeps the positions, by which lines are counted.
        for match in phrase.pattern.finditer(passage.text.replace("\n", " "))
    ]


def count_words(passages: Iterable[Passage]) -> int:
    """Words in all passages."""
    return sum(len(WORD.findall(passage.text)) for passage in passages)


def read_repository() -> Iterator[Passage]:
    """All prose of the repository, file by file."""
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            yield from read_code(name, path.read_text(), sentences=folder == "scheduler")
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            yield read_page(str(path.relative_to(ROOT)), path.read_text())


def read_code(file: str, source: str, *, sentences: bool) -> Iterator[Passage]:
    """Docstrings and comments; with `sentences` also strings that read as a sentence.

    Strings of tests are mostly what patients write, so only the product's are read.
    """
    for node, text, is_docstring in _strings(ast.parse(source)):
        if is_docstring or (sentences and SENTENCE.fullmatch(text)):
            yield Passage(file, node.lineno, _without_code(_unindented(text)))
    yield from _comments(file, source)


def read_page(file: str, text: str) -> Passage:
    """The prose of a Markdown page, without code and addresses. Lines keep their numbers."""
    text = FENCED.sub(_blank, text)
    return Passage(file, 1, _without_code(LINK_TARGET.sub(_blank, text)))


def _comments(file: str, source: str) -> Iterator[Passage]:
    """Comments, those on neighboring lines as one passage."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [
        (token.start[0], token.string.removeprefix("#").strip())
        for token in tokens
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string)
    ]
    for _, group in groupby(enumerate(comments), key=lambda item: item[1][0] - item[0]):
        lines = [comment for _, comment in group]
        yield Passage(file, lines[0][0], _without_code("\n".join(text for _, text in lines)))


def _strings(node: ast.AST) -> Iterator[tuple[ast.expr, str, bool]]:
    """Each string below a node, its text, and whether it is a docstring."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and (text := _text(child)) is not None:
            yield child, text, isinstance(node, ast.Expr)
        else:
            yield from _strings(child)


def _text(node: ast.expr) -> str | None:
    """The text of a string or f-string, with a mark for each field; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "¤" for part in node.values)
    return None


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n"))


def _without_code(text: str) -> str:
    return CODE.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    """A mark that is not a word, and as many line breaks as the match had."""
    return "¤" + "\n" * match.group().count("\n")


if __name__ == "__main__":
    sys.exit(main())
