"""Named statements: `queries.sql` of a package becomes an object with a statement for each name.

    -- name: find_alert
    -- name: find_alert [postgresql]      the same, where one engine needs another text

A comment between the name and the text says why; parameters are written `:name`.
"""

import re
from collections.abc import Iterator
from importlib import resources

import msgspec

ENGINES = ("sqlite", "postgresql")
_HEADER = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)(?: \[(?P<engine>[a-z]+)\])?$", re.MULTILINE)


class Statement(msgspec.Struct, frozen=True):
    """One question or change. `texts` maps an engine to its spelling; "" is the one that all share."""

    name: str
    texts: dict[str, str]

    def text(self, engine: str) -> str:
        return self.texts.get(engine) or self.texts[""]


class Queries:
    """The statements of one package, as attributes."""

    def __init__(self, statements: dict[str, Statement]) -> None:
        self._statements = statements

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement named {name}; there are {', '.join(self._statements)}") from None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self._statements.values())


def load_queries(package: str) -> Queries:
    """The statements in `queries.sql` of a package. Raises ValueError for a name given twice."""
    return parse_queries(resources.files(package).joinpath("queries.sql").read_text("utf-8"))


def parse_queries(source: str) -> Queries:
    texts: dict[str, dict[str, str]] = {}
    headers = list(_HEADER.finditer(source))
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        engine = header["engine"] or ""
        if engine and engine not in ENGINES:
            raise ValueError(f"statement {header['name']}: no engine is called {engine}")
        body = source[header.end() : following.start() if following else len(source)]
        text = "\n".join(line for line in body.splitlines() if line.strip() and not line.startswith("--"))
        if texts.setdefault(header["name"], {}).setdefault(engine, text) is not text:
            raise ValueError(f"statement {header['name']} is there twice")
    return Queries({name: Statement(name, variants) for name, variants in texts.items()})
