"""Writes the reference pages that are made from the code: the operations and the settings. `--check` only compares."""

import csv
import sys
from pathlib import Path

from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS
from tocsin.identity.records import Permission
from tocsin.settings import DESCRIPTIONS, Settings, variable

REFERENCE = Path(__file__).parent / "reference"
ROLES = {
    None: "none needed",
    Permission.NOTHING: "any credentials",
    Permission.READ: "reader",
    Permission.WRITE: "operator",
    Permission.ADMINISTER: "administrator",
}


def main() -> None:
    pages = {"operations.md": operations_page(), "settings.md": settings_page()}
    if "--check" in sys.argv[1:]:
        stale = [name for name, text in pages.items() if (REFERENCE / name).read_text("utf-8") != text]
        if stale:
            sys.exit(f"out of date: {', '.join(stale)}; run `make docs`")
        return
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, "utf-8")


def operations_page() -> str:
    with (REFERENCE / "sdk-operations.csv").open(encoding="utf-8", newline="") as file:
        known = [
            (row["operation"], row["method"], row["path"], row["in_scope"] == "yes", row["sdk_module"])
            for row in csv.DictReader(file)
        ]
    answered = {one.name: one for one in OPERATIONS if one.vendor}
    wanted = [row for row in known if row[3]]
    done = [row for row in wanted if row[0] in answered]
    lines = [
        "# Operations",
        "",
        "Made by `make docs` from the table of operations in `src/tocsin/api/table.py`; do not edit.",
        "",
        (
            f"The current Python SDK has {len(known)} operations, {len(wanted)} of them in the SOC part that Tocsin is for. "
            f"**Tocsin answers {len(done)} of {len(wanted)} in scope.** Every other path gets the gateway's answer, 404 "
            "`APIGW.0101` (the API does not exist)."
        ),
        "",
        "## In scope",
        "",
        "| Operation | Method | Path | Role | Answered |",
        "| --- | --- | --- | --- | --- |",
        *(_vendor_row(*row[:3], answered.get(row[0])) for row in wanted),
        "",
        "## Beside the SDK",
        "",
        "| Operation | Method | Path | Role | What for |",
        "| --- | --- | --- | --- | --- |",
        *(_own_row(one) for one in OPERATIONS if one.name not in {row[0] for row in wanted}),
        "",
        "## The rest of the SDK",
        "",
        "Answered as the gateway answers a path that does not exist: 404 `APIGW.0101`.",
        "",
        "| Operation | Module | Method | Path |",
        "| --- | --- | --- | --- |",
        *(f"| `{row[0]}` | {row[4]} | {row[1]} | `{row[2]}` |" for row in known if not row[3]),
        "",
    ]
    return "\n".join(lines)


def _vendor_row(name: str, method: str, path: str, operation: Operation | None) -> str:
    role = ROLES[operation.permission] if operation else ""
    return f"| `{name}` | {method} | `{path}` | {role} | {'yes' if operation else 'not yet'} |"


def _own_row(one: Operation) -> str:
    return f"| `{one.name}` | {one.method} | `{one.path}` | {ROLES[one.permission]} | {one.summary} |"


def settings_page() -> str:
    defaults = {name: default_text(name) for name in DESCRIPTIONS}
    lines = [
        "# Settings",
        "",
        "Made by `make docs` from `src/tocsin/settings.py`; do not edit.",
        "",
        (
            "A setting comes from the TOML file of `--config` or `TOCSIN_CONFIG`, then from its variable, then from a "
            'command\'s option; the later one wins. In the file a name stands as it is (`conversion_shape = "each"`) or in '
            'a section (`[conversion]`, `shape = "each"`). An unknown setting stops the start.'
        ),
        "",
        "| Setting | Variable | Default | Meaning |",
        "| --- | --- | --- | --- |",
        *(f"| `{name}` | `{variable(name)}` | {defaults[name]} | {text} |" for name, text in DESCRIPTIONS.items()),
        "",
        (
            "`TOCSIN_IDENTITY_REGION_NAMES` is written `region=project,region=project`; the region `*` stands for every "
            "other."
        ),
        "",
    ]
    return "\n".join(lines)


def default_text(name: str) -> str:
    if name == "database":
        return "in the user's data directory"
    value = getattr(Settings(), name)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in ("", {}) else "none"


if __name__ == "__main__":
    main()
