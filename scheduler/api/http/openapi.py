"""The OpenAPI document, and a page of it that loads nothing from other hosts."""

import json
import re
import threading
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response

from scheduler.api.http.problem_members import ProblemShape

PROBLEM = "application/problem+json"
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { margin-top: 2.5rem; } details { border-top: 1px solid #8886; padding: .6rem 0; }
summary { cursor: pointer; } code { font: 0.9em ui-monospace, monospace; }
b { display: inline-block; min-width: 4.5rem; } table { border-collapse: collapse; width: 100%; }
td, th { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
"""


def mount(app: FastAPI) -> None:
    """Add /openapi.json and /docs. Both are made once, because strangers may request them."""
    lock = threading.Lock()

    @cache
    def rendered() -> tuple[bytes, str]:
        described = document(app)
        return bytes(JSONResponse(described).body), "".join(_page(described))

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        with lock:
            return Response(rendered()[0], media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        with lock:
            return HTMLResponse(rendered()[1])

    @app.get("/docs/style.css", include_in_schema=False)
    def style() -> Response:
        return Response(STYLE, media_type="text/css")


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the shape of problems, which no route declares as its answer."""
    described = _with_list_names(app.openapi())
    problem = ProblemShape.model_json_schema(ref_template="#/components/schemas/{model}")
    described["components"]["schemas"] |= problem.pop("$defs")
    described["components"]["schemas"]["Problem"] = problem
    for operations in described["paths"].values():
        for method, operation in operations.items():
            _keep_headers_that_count(method, operation)
    _share_refusals(described)
    return described


def _with_list_names(described: dict[str, Any]) -> dict[str, Any]:
    """A copy that calls a page of rooms `RoomList`; Pydantic calls it `Page_RoomShape_`."""
    text = re.sub(r'Page_(\w+?)(Shape)?_(?=")', r"\1List", json.dumps(described))
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _keep_headers_that_count(method: str, operation: dict[str, Any]) -> None:
    """All changes share one dependency. Removes the headers that this route ignores."""
    ignored = set() if method == "post" else {"idempotency-key"}
    if "201" in operation["responses"]:
        ignored.add("if-match")  # a row that is created cannot be stale
    if "parameters" in operation:
        operation["parameters"] = [
            parameter
            for parameter in operation["parameters"]
            if parameter["name"].lower() not in ignored
        ]


def _share_refusals(described: dict[str, Any]) -> None:
    """Write each error that many operations answer once, under `components`."""
    shared: dict[str, Any] = {}
    described["components"]["responses"] = shared
    for operations in described["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if PROBLEM not in response.get("content", {}):
                    continue
                if shared.setdefault(f"Error{status}", response) == response:
                    reference = {"$ref": f"#/components/responses/Error{status}"}
                    operation["responses"][status] = reference


def _page(described: dict[str, Any]) -> Iterator[str]:
    info, schemas = described["info"], described["components"]["schemas"]
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width'>"
    yield f"<title>{escape(info['title'])}</title><link rel=stylesheet href=/docs/style.css>"
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    yield f"<p>{escape(info['description'])}<p>The whole document: <a href=/openapi.json>"
    yield "openapi.json</a>"
    section = ""
    for path, operations in described["paths"].items():
        tag = next(iter(operations.values())).get("tags", [""])[0]
        if tag != section:
            section = tag
            yield f"<h2>{escape(section)}</h2>"
        for method, operation in operations.items():
            yield from _operation(method, path, operation, described["components"])
    yield "<h2>Shapes</h2>"
    for name, schema in schemas.items():
        yield f"<details id='{escape(name)}'><summary><code>{escape(name)}</code></summary>"
        yield f"<p>{escape(schema.get('description', ''))}"
        yield from _fields(schema)
        yield "</details>"


def _operation(
    method: str, path: str, operation: dict[str, Any], components: dict[str, Any]
) -> Iterator[str]:
    schemas, refusals = components["schemas"], components["responses"]
    yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
    yield f"{escape(operation.get('summary', ''))}</summary>"
    yield f"<p>{escape(operation.get('description', ''))}"
    if parameters := operation.get("parameters"):
        yield "<table><tr><th>Parameter<th>In<th>Meaning"
        for parameter in parameters:
            yield f"<tr><td><code>{escape(parameter['name'])}</code><td>{escape(parameter['in'])}"
            yield f"<td>{escape(parameter.get('description', ''))}"
        yield "</table>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if schema := body.get("schema"):
        yield f"<p>Body: {_type(schema)}"
        yield from _fields(schemas.get(schema.get("$ref", "").rpartition("/")[2], {}))
    yield "<table><tr><th>Answer<th>Meaning<th>Body"
    for status, named in operation["responses"].items():
        response = refusals.get(named.get("$ref", "").rpartition("/")[2], named)
        content: dict[str, Any] = next(iter(response.get("content", {}).values()), {})
        yield f"<tr><td>{escape(status)}<td>{escape(response['description'])}"
        yield f"<td>{_type(content.get('schema', {}))}"
    yield "</table></details>"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        return
    required = schema.get("required", [])
    yield "<table><tr><th>Field<th>Type<th>Meaning"
    for name, field in schema["properties"].items():
        optional = "" if name in required else " (optional)"
        example = f" e.g. {field['examples'][0]}" if field.get("examples") else ""
        yield f"<tr><td><code>{escape(name)}</code>{optional}<td>{_type(field)}"
        yield f"<td>{escape(field.get('description', '') + example)}"
    yield "</table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return escape(", ".join(str(value) for value in schema["enum"]))
    return escape(str(schema.get("format") or schema.get("type") or "anything"))
