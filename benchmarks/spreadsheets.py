"""How long an import and an export of many rows take, how soon the first bytes come, and what memory the server needs.

One server on one SQLite file, one client: a workbook is imported through HTTP, then everything is exported again. Each
rate stands beside that of the library's own reading of the same file, so that the machine's speed cancels out.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import msgspec
from openpyxl import load_workbook

from tocsin.administration.service import Setup
from tocsin.clock import now_ms
from tocsin.identity.signing import UNSIGNED_PAYLOAD, sdk_date, sign
from tocsin.spreadsheet import WorkbookWriter

ROWS = 1_000_000
PAGE = 1000
LIMIT_MB = 150
COLUMNS = ["title", "severity", "description", "labels", "alert_type", "network_list", "first_observed_time", "count"]
BOUNDARY = "tocsin-benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the workbook (default {ROWS})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        result = measured(Path(folder), options.rows)
    print(json.dumps(result) if options.json else report(result))


def measured(folder: Path, rows: int) -> dict[str, Any]:
    progress(f"writing a workbook of {rows:,} rows")
    file = folder / "import.xlsx"
    with file.open("wb") as target:
        write_workbook(target, rows)
    database = f"sqlite:///{folder / 'desk.db'}"
    made = subprocess.run([sys.executable, "-m", "tocsin", "init", "--database", database, "--json"],
                          check=True, capture_output=True).stdout  # fmt: skip
    desk = msgspec.json.decode(made, type=Setup)
    progress("reading it with openpyxl alone")
    started = time.perf_counter()
    with file.open("rb") as source:
        for _ in load_workbook(source, read_only=True).worksheets[0].iter_rows(values_only=True):
            pass
    reading_s = time.perf_counter() - started
    progress("importing it")
    with server(database) as (base, pid):
        import_s, imported = import_file(base, desk, file)
        import_mb = peak_mb(pid)
    if imported != rows:
        sys.exit(f"{imported} of {rows} rows were imported")
    progress("exporting everything")
    with server(database) as (base, pid):
        first_s, export_s, size = export_all(base, desk)
        export_mb = peak_mb(pid)
    return {
        "rows": rows,
        "import": {"seconds": import_s, "of_reading": reading_s / import_s, "peak_mb": import_mb,
                   "file_mb": file.stat().st_size / 1e6},
        "export": {"seconds": export_s, "first_byte_s": first_s, "peak_mb": export_mb, "limit_mb": LIMIT_MB,
                   "file_mb": size / 1e6},
        "reading_s": reading_s,
    }  # fmt: skip


def report(result: dict[str, Any]) -> str:
    rows, come, go = result["rows"], result["import"], result["export"]
    verdict = "holds" if go["peak_mb"] < go["limit_mb"] else f"MISSED by {go['peak_mb'] - go['limit_mb']:.0f} MB"
    lines = [f"{rows:,} rows"]
    for name, one in (("import", come), ("export", go)):
        rate = rows / one["seconds"]
        lines.append(f"  {name}  {one['seconds']:7.1f} s  {rate:8,.0f} rows/s  peak {one['peak_mb']:5.0f} MB")
    lines.append(f"  an import has {come['of_reading']:.0%} of the rate of openpyxl's reading alone")
    lines.append(f"  an export's first byte came after {go['first_byte_s']:.2f} s")
    lines.append(f"  goal: an export stays under {go['limit_mb']} MB: {verdict}")
    return "\n".join(lines)


def write_workbook(target: BinaryIO, rows: int) -> None:
    writer = WorkbookWriter("Alert", COLUMNS)
    pages = (range(start, min(start + PAGE, rows)) for start in range(0, rows, PAGE))
    target.writelines(writer.rows(row(number) for number in page) for page in pages)
    target.write(writer.finish())


def row(number: int) -> list[Any]:
    return [
        f"Login failed on host-{number % 977}",
        ("Low", "High")[number % 2],
        f"{number} failures within three minutes",
        "ssh,web",
        '{"category":"Brute Force","alert_type":"SSH Brute Force"}',
        f'[{{"src_ip":"192.0.2.{number % 256}"}}]',
        "2026-03-01T08:15:00.000Z+0800",
        number % 50,
    ]


def import_file(base: str, desk: Setup, file: Path) -> tuple[float, int]:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="uploadFile"; filename="import.xlsx"\r\n\r\n'
    ).encode()
    body = head + file.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "X-Sdk-Content-Sha256": UNSIGNED_PAYLOAD}
    started = time.perf_counter()
    answer = request(base, desk, "alerts/import", body, headers)
    content = answer.read()
    if answer.status != 200:
        sys.exit(f"the import was answered {answer.status}: {content[:300]!r}")
    return time.perf_counter() - started, len(json.loads(content)["data"]["ids"])


def export_all(base: str, desk: Setup) -> tuple[float, float, int]:
    started = time.perf_counter()
    answer = request(base, desk, "alerts/export", b"{}", {"Content-Type": "application/json"})
    size = len(answer.read(1))
    first_s = time.perf_counter() - started
    while piece := answer.read(1 << 20):
        size += len(piece)
    return first_s, time.perf_counter() - started, size


def request(base: str, desk: Setup, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
    host = urlsplit(base).netloc
    target = f"/v1/{desk.project_id}/workspaces/{desk.workspace_id}/soc/{path}"
    signed = sign(
        method="POST", host=host, path=target, query="", headers=headers, body=body, access=desk.access_key or "",
        secret=desk.secret_key or "", date=sdk_date(now_ms()),
    )  # fmt: skip
    connection = http.client.HTTPConnection(host, timeout=3600)
    connection.request("POST", target, body, signed)
    return connection.getresponse()


@contextmanager
def server(database: str) -> Iterator[tuple[str, int]]:
    environment = {**os.environ, "TOCSIN_LOG_LEVEL": "error", "TOCSIN_UPLOAD_LIMIT_BYTES": str(1 << 32)}
    command = [sys.executable, "-m", "tocsin", "serve", "--database", database, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://\S+", line)
            if found is None:
                sys.exit("the server did not start")
            yield found[0], process.pid
        finally:
            process.terminate()


def peak_mb(pid: int) -> float:
    """The most memory that a process has had (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
