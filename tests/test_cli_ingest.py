"""`tocsin ingest suricata`: every line is taken in, skipped or set aside, whatever the input and whoever interrupts."""

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import SHARED, Client, TestDesk

SAMPLES = SHARED / "data/alerts/suricata"
SUMMARY = re.compile(
    r"^([\d,]+) lines: ([\d,]+) new alerts, ([\d,]+) known already, ([\d,]+) other records skipped, ([\d,]+) set aside$",
    re.MULTILINE,
)
MIB = 1 << 20
BIG_BYTES = 60_000_000


def alert(number: int, **event: Any) -> bytes:
    """An alert line unlike that of any other number."""
    record = {
        "timestamp": "2026-03-02T07:08:09.123456+0000",
        "flow_id": number,
        "event_type": "alert",
        "src_ip": "198.51.100.7",
        "dest_ip": "10.20.1.5",
        "alert": {"signature": f"Rule {number}", "signature_id": number, "severity": 2},
    } | event
    return json.dumps(record).encode() + b"\n"


def alerts(count: int, start: int = 0) -> bytes:
    return b"".join(alert(number) for number in range(start, start + count))


FLOW = b'{"timestamp":"2026-03-02T07:08:09.123456+0000","event_type":"flow","src_ip":"198.51.100.7"}\n'


def command(desk: TestDesk, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tocsin", "ingest", "suricata", "--database", desk.url, *arguments]


def ingest(desk: TestDesk, *arguments: str | Path, piped: bytes | None = None) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command(desk, *map(str, arguments)),
        input=(piped or b"").decode("utf-8", "surrogateescape"),
        errors="surrogateescape",
        capture_output=True,
        encoding="utf-8",
        cwd=desk.path.parent,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr.splitlines()[-1]
    return done


def summary(desk: TestDesk, *arguments: str | Path, piped: bytes | None = None, status: int = 0) -> dict[str, int]:
    done = ingest(desk, "--json", *arguments, piped=piped)
    assert done.returncode == status, done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def counts(*, lines: int, new: int = 0, known: int = 0, skipped: int = 0, rejected: int = 0) -> dict[str, int]:
    return {"lines": lines, "new": new, "known": known, "skipped": skipped, "rejected": rejected}


def rejects(desk: TestDesk, name: str = "tocsin-rejects.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.path.with_name(name).read_bytes().splitlines()]


def made(desk: TestDesk, content: bytes, name: str = "eve.json") -> Path:
    path = desk.path.with_name(name)
    path.write_bytes(content)
    return path


def total(client: Client) -> int:
    return int(client.search("alerts", limit=1)["total"])


def wait_until(true: Callable[[], bool], seconds: float = 120) -> float:
    """The seconds it took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "waited in vain"
        time.sleep(0.05)
    return time.monotonic() - started


@contextmanager
def piped_into(desk: TestDesk, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """An ingest that reads a pipe which stays open."""
    process = subprocess.Popen(
        command(desk, *(arguments or ("-",))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=desk.path.parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def write(process: "subprocess.Popen[bytes]", content: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()


def read_in(client: Client, title: str) -> dict[str, Any]:
    """The alert of this title."""
    rows = client.search("alerts", limit=1000)["data"]
    [found] = [row["data_object"] for row in rows if row["data_object"]["title"] == title]
    return dict(found)


# What becomes of a file


def test_alerts_are_taken_in_and_other_records_skipped(desk: TestDesk, client: Client) -> None:
    path = made(desk, FLOW + alert(1) + FLOW + alert(2))
    done = ingest(desk, path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout == "4 lines: 2 new alerts, 0 known already, 2 other records skipped, 0 set aside\n"
    assert total(client) == 2
    assert not desk.path.with_name("tocsin-rejects.jsonl").exists()


def test_the_same_file_twice_adds_nothing_and_says_so(desk: TestDesk, client: Client) -> None:
    path = made(desk, alerts(3) + FLOW)
    assert summary(desk, path) == counts(lines=4, new=3, skipped=1)
    assert summary(desk, path) == counts(lines=4, known=3, skipped=1)
    assert total(client) == 3


def test_several_files_are_one_run(desk: TestDesk) -> None:
    first, second = made(desk, alerts(2), "a.json"), made(desk, alerts(2, start=1), "b.json")
    assert summary(desk, first, second) == counts(lines=4, new=3, known=1)


def test_the_same_line_twice_in_a_file_is_one_alert(desk: TestDesk) -> None:
    assert summary(desk, made(desk, alert(1) + FLOW + alert(1))) == counts(lines=3, new=1, known=1, skipped=1)


def test_a_file_that_grew_adds_only_what_is_new(desk: TestDesk) -> None:
    path = made(desk, alerts(2))
    summary(desk, path)
    path.write_bytes(alerts(5))
    assert summary(desk, path) == counts(lines=5, new=3, known=2)


def test_a_deleted_alert_is_not_added_again(desk: TestDesk, client: Client) -> None:
    path = made(desk, alerts(2))
    summary(desk, path)
    gone = read_in(client, "Rule 1")["id"]
    assert client.delete("alerts", {"batch_ids": [gone]}).status_code == 200
    assert total(client) == 1
    assert summary(desk, path) == counts(lines=2, known=2)
    assert total(client) == 1


def test_an_empty_file_is_no_lines(desk: TestDesk) -> None:
    assert summary(desk, made(desk, b"")) == counts(lines=0)


def test_line_ends_of_any_kind_make_the_same_alert(desk: TestDesk) -> None:
    windows, bare = alert(1).replace(b"\n", b"\r\n"), alert(1).rstrip(b"\n")
    assert summary(desk, made(desk, windows + b"\r\n\n" + bare)) == counts(lines=4, new=1, known=1, skipped=2)


def test_zone_and_home_nets_are_taken_from_the_options(desk: TestDesk, client: Client) -> None:
    path = made(desk, alert(1, timestamp="2026-07-01T12:00:00", src_ip="203.0.113.5", dest_ip="198.51.100.1"))
    options = ("--zone", "Europe/Berlin", "--home-net", "203.0.113.0/24", "--home-net", "2001:db8::/32")
    assert summary(desk, *options, path) == counts(lines=1, new=1)
    stored = read_in(client, "Rule 1")
    assert stored["first_observed_time"].startswith("2026-07-01T12:00:00.000")
    assert stored["first_observed_time"].replace(":", "").endswith("+0200")
    assert stored["network_list"][0]["direction"] == "OUT"
    assert [one["name"] for one in stored["resource_list"]] == ["203.0.113.5"]


def test_it_goes_into_the_named_workspace(desk: TestDesk, client: Client, connect: Callable[..., Client]) -> None:
    other = desk.add_workspace("other")
    path = made(desk, alert(1))
    unnamed = ingest(desk, path)
    assert unnamed.returncode == 1
    assert other in unnamed.stderr
    assert desk.made.workspace_id is not None
    assert desk.made.workspace_id in unnamed.stderr
    assert summary(desk, "--workspace", other, path) == counts(lines=1, new=1)
    assert total(client) == 0
    assert total(connect(workspace_id=other)) == 1
    unknown = ingest(desk, "--workspace", "nowhere", path)
    assert unknown.returncode == 1
    assert other in unknown.stderr


def test_each_run_leaves_who_and_what_in_the_audit(desk: TestDesk) -> None:
    summary(desk, made(desk, alerts(2)))
    shown = subprocess.run(
        [sys.executable, "-m", "tocsin", "audit", "--json", "--database", desk.url], capture_output=True, check=True
    )
    [row] = json.loads(shown.stdout)
    assert row["operation"] == "ingest_suricata"
    assert row["user"].startswith("local:")
    assert row["changes"]["ingested"] == [None, 2]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded logs are not on this machine")
def test_recorded_logs_are_taken_in_whole(desk: TestDesk, client: Client) -> None:
    files = sorted(SAMPLES.glob("*.jsonl"))
    lines = [line.strip() for path in files for line in path.read_bytes().splitlines()]
    found = [line for line in lines if json.loads(line)["event_type"] == "alert"]
    distinct = len(set(found))
    assert distinct > 500
    expected = counts(lines=len(lines), new=distinct, known=len(found) - distinct, skipped=len(lines) - len(found))
    assert summary(desk, *files) == expected
    assert summary(desk, *files) == {**expected, "new": 0, "known": len(found)}
    assert total(client) == distinct


# What cannot be read


def test_a_line_that_cannot_be_read_is_set_aside_with_reason_and_number(desk: TestDesk, client: Client) -> None:
    path = made(desk, alert(1) + b"tail: eve.json: file truncated\n" + FLOW + b'{"event_type":"alert"}\n' + alert(2))
    done = ingest(desk, path)
    assert done.returncode == 3
    assert SUMMARY.search(done.stdout), done.stdout
    assert "tocsin-rejects.jsonl" in done.stdout
    first, second = rejects(desk)
    assert (first["file"], first["line"], first["text"]) == (str(path), 2, "tail: eve.json: file truncated")
    assert (second["line"], second["text"]) == (4, '{"event_type":"alert"}')
    assert "JSON" in first["reason"]
    assert "signature" in second["reason"]
    assert total(client) == 2


def test_the_reject_file_is_where_its_option_says_and_is_only_added_to(desk: TestDesk) -> None:
    path = made(desk, b"nonsense\n")
    for _ in range(2):
        assert summary(desk, "--rejects", "aside.jsonl", path, status=3) == counts(lines=1, rejected=1)
    assert [one["line"] for one in rejects(desk, "aside.jsonl")] == [1, 1]
    assert not desk.path.with_name("tocsin-rejects.jsonl").exists()


def test_what_was_set_aside_can_be_read_again_from_its_text(desk: TestDesk) -> None:
    summary(desk, made(desk, alert(1)[:-5] + b"\n"), status=3)
    [kept] = rejects(desk)
    mended = kept["text"].encode() + alert(1)[-5:]
    assert summary(desk, made(desk, mended)) == counts(lines=1, new=1)


def test_a_half_written_last_line_is_set_aside_and_taken_in_once_it_is_whole(desk: TestDesk) -> None:
    path = made(desk, alert(1) + alert(2)[:60])
    assert summary(desk, path, status=3) == counts(lines=2, new=1, rejected=1)
    assert rejects(desk)[0]["text"].encode() == alert(2)[:60]
    path.write_bytes(alerts(2, start=1))
    assert summary(desk, path) == counts(lines=2, new=1, known=1)


def test_a_line_of_3_mib_is_set_aside_whole(desk: TestDesk) -> None:
    long = b'{"event_type":"alert","payload":"' + b"x" * (3 * MIB) + b'"}'
    path = made(desk, alert(1) + long + b"\n" + alerts(5000, start=2))
    assert summary(desk, path, status=3) == counts(lines=5002, new=5001, rejected=1)
    [kept] = rejects(desk)
    assert kept["line"] == 2
    assert kept["text"].encode() == long


def test_lines_right_after_a_long_one_are_lines_of_their_own(desk: TestDesk) -> None:
    path = made(desk, b"x" * (3 * MIB) + b"\n" + alerts(3))
    assert summary(desk, path, status=3) == counts(lines=4, new=3, rejected=1)


def test_a_long_last_line_without_an_end_is_set_aside_whole(desk: TestDesk) -> None:
    path = made(desk, alert(1) + b"x" * (2 * MIB))
    assert summary(desk, path, status=3) == counts(lines=2, new=1, rejected=1)
    assert len(rejects(desk)[0]["text"]) == 2 * MIB


@pytest.mark.parametrize("extra", [0, 1])
def test_the_longest_line_is_1_mib(extra: int, desk: TestDesk) -> None:
    frame = len(alert(1, payload_printable="")) - 1
    line = alert(1, payload_printable="x" * (MIB - frame + extra))
    expected = counts(lines=2, new=1, known=0, rejected=1) if extra else counts(lines=2, new=2)
    assert summary(desk, made(desk, line + alert(2)), status=3 if extra else 0) == expected


def test_bytes_that_are_not_utf8_lose_nothing(desk: TestDesk) -> None:
    inside = alert(1, http={"url": "/~"}).replace(b"~", b"\xff\xfe")
    outside = b"\xff\xfe\x80 nonsense"
    path = made(desk, inside + outside + b"\n" + alert(2))
    assert summary(desk, path, status=3) == counts(lines=3, new=2, rejected=1)
    assert rejects(desk)[0]["text"] == r"\xff\xfe\x80 nonsense"


def test_nul_is_taken_in_or_set_aside(desk: TestDesk, client: Client) -> None:
    path = made(desk, alert(1, alert={"signature": "A \0 rule"}) + b"\0" * 4096 + b"\n" + alert(2))
    assert summary(desk, path, status=3) == counts(lines=3, new=2, rejected=1)
    assert "sanitized" in read_in(client, "A � rule")["labels"]
    assert rejects(desk)[0]["text"] == "\0" * 4096


@pytest.mark.parametrize(
    "line",
    [
        b"null",
        b"[]",
        b"1e999",
        b'"alert"',
        b"{}",
        b'{"event_type":1}',
        b'{"event_type":"alert","alert":null}',
        b'{"event_type":"alert","alert":{"signature":""}}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xef\xbb\xbf{",
        b'{"event_type":"alert"}{"event_type":"alert"}',
    ],
    ids=lambda line: line[:24].decode("utf-8", "replace"),
)
def test_hostile_lines_stop_nothing(line: bytes, desk: TestDesk) -> None:
    assert summary(desk, made(desk, line + b"\n" + alert(1)), status=3) == counts(lines=2, new=1, rejected=1)
    assert rejects(desk)[0]["line"] == 1


def test_a_compressed_file_is_not_taken_for_a_log(desk: TestDesk, client: Client) -> None:
    path = made(desk, gzip.compress(alerts(500), mtime=0), "eve.json.gz")
    done = ingest(desk, path)
    assert done.returncode in (1, 3)
    assert "eve.json.gz" in done.stdout + done.stderr or desk.path.with_name("tocsin-rejects.jsonl").exists()
    assert total(client) == 0


# What is refused


def test_a_missing_file_is_refused_before_anything_is_read(desk: TestDesk, client: Client) -> None:
    done = ingest(desk, made(desk, alert(1)), "absent.json")
    assert done.returncode == 1
    assert "absent.json" in done.stderr
    assert total(client) == 0


def test_a_folder_is_refused_before_anything_is_read(desk: TestDesk, client: Client) -> None:
    folder = desk.path.with_name("folder")
    folder.mkdir()
    done = ingest(desk, made(desk, alert(1)), folder)
    assert done.returncode == 1
    assert f"{folder} is a folder" in done.stderr
    assert total(client) == 0


@pytest.mark.parametrize("source", ["file", "pipe"])
@pytest.mark.parametrize("name", ["absent/rejects.jsonl", "."])
def test_a_reject_file_that_cannot_be_made_is_named(name: str, source: str, desk: TestDesk) -> None:
    content = b"nonsense\n" + alert(1)
    done = ingest(
        desk,
        "--rejects",
        name,
        made(desk, content) if source == "file" else "-",
        piped=None if source == "file" else content,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("tocsin: ")
    assert name in done.stderr
    assert "eve.json cannot be read" not in done.stderr
    assert "Fatal" not in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--zone", "Mars/Olympus"],
        ["--zone", "+99:00"],
        ["--zone", ""],
        ["--home-net", "10.0.0.300/8"],
        ["--home-net", ""],
    ],
)
def test_an_option_that_cannot_be_is_named(options: list[str], desk: TestDesk) -> None:
    done = ingest(desk, *options, made(desk, alert(1)))
    assert done.returncode in (1, 2)
    assert options[0] in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--nonsense", "eve.json"], ["--zone"]])
def test_wrong_usage_has_status_2(arguments: list[str], desk: TestDesk) -> None:
    assert ingest(desk, *arguments).returncode == 2


def test_without_a_database_it_says_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "eve.json").write_bytes(alert(1))
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "ingest", "suricata", "eve.json", "--database", "sqlite:///absent.db"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert "tocsin init" in done.stderr
    assert not (tmp_path / "absent.db").exists()


# Pipes


def test_a_pipe_is_read_to_its_end(desk: TestDesk) -> None:
    content = alerts(3) + FLOW + b"nonsense\n" + alert(9).rstrip(b"\n")
    assert summary(desk, "-", piped=content, status=3) == counts(lines=6, new=4, skipped=1, rejected=1)
    assert rejects(desk)[0]["file"] == "-"
    assert rejects(desk)[0]["line"] == 5


def test_what_a_pipe_gives_is_in_the_desk_a_second_later(desk: TestDesk, client: Client) -> None:
    with piped_into(desk) as process:
        write(process, alert(1))
        wait_until(lambda: total(client) == 1)
        for number in (2, 3):
            write(process, alert(number))
            assert wait_until(lambda now=number: total(client) == now) < 20
        write(process, alert(4)[:50])
        time.sleep(1.2)  # half a line waits for its other half
        write(process, alert(4)[50:])
        wait_until(lambda: total(client) == 4)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert SUMMARY.match(out.decode())


def test_an_alert_right_after_a_long_line_does_not_wait_for_the_next_one(desk: TestDesk, client: Client) -> None:
    with piped_into(desk) as process:
        write(process, b"x" * (2 * MIB) + b"\n" + alert(1))
        wait_until(lambda: total(client) == 1, seconds=120)


def test_a_quiet_pipe_can_be_interrupted(desk: TestDesk, client: Client) -> None:
    with piped_into(desk) as process:
        write(process, alert(1))
        wait_until(lambda: total(client) == 1)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert process.stdout is not None
        assert process.stderr is not None
        log = process.stderr.read().decode()
        assert "Traceback" not in log
        assert "Fatal" not in log
        assert SUMMARY.search(process.stdout.read().decode())
        assert process.returncode in (0, 1, 130)


def test_what_a_pipe_gave_before_the_interruption_is_kept(desk: TestDesk, client: Client) -> None:
    with piped_into(desk) as process:
        write(process, alert(1))
        wait_until(lambda: total(client) == 1)
        write(process, alert(2))  # its second has not passed when the signal comes
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
        process.wait(10)
    assert total(client) == 2


def test_a_quiet_named_pipe_can_be_interrupted(desk: TestDesk) -> None:
    fifo = desk.path.with_name("fifo")
    os.mkfifo(fifo)
    with piped_into(desk, str(fifo)) as process:
        descriptor = os.open(fifo, os.O_WRONLY)  # waits for the reader
        try:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            process.wait(10)
        finally:
            os.close(descriptor)
        assert process.returncode in (0, 1, 130)


# Interruption, terminals, company


def test_ctrl_c_keeps_what_was_committed_and_the_next_run_adds_the_rest(desk: TestDesk, client: Client) -> None:
    path = made(desk, alerts(20_000))
    process = subprocess.Popen(
        command(desk, str(path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        wait_until(lambda: total(client) > 0)
        process.send_signal(signal.SIGINT)
        out, log = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode != 0
    assert "Interrupted" in log
    assert "Traceback" not in log
    assert SUMMARY.search(out)
    kept = total(client)
    assert 0 < kept < 20_000
    assert summary(desk, path) == counts(lines=20_000, new=20_000 - kept, known=kept)


def test_progress_is_shown_on_a_terminal_only(desk: TestDesk) -> None:
    path = made(desk, alerts(3000))
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(command(desk, str(path)), stdin=other_end, stdout=other_end, stderr=other_end)
    os.close(other_end)
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(terminal)
        process.wait(20)
    assert process.returncode == 0
    *progress, last = shown.decode().replace("\r\n", "\n").split("\r")
    assert len(progress) > 1
    assert all(SUMMARY.match(line.removesuffix("\033[K")) for line in progress if line.removesuffix("\033[K"))
    assert last.removeprefix("\033[K") == (
        "3,000 lines: 3,000 new alerts, 0 known already, 0 other records skipped, 0 set aside\n"
    )


def test_a_reader_that_goes_away_is_no_failure(desk: TestDesk) -> None:
    path = made(desk, alert(1))
    process = subprocess.Popen(command(desk, str(path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    log = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(20) == 0
    assert log == ""


def test_two_at_once_add_each_alert_once(desk: TestDesk, client: Client) -> None:
    path = made(desk, alerts(3000))
    started = [
        subprocess.Popen(command(desk, "--json", str(path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    ended = [(one.communicate(timeout=60), one.returncode) for one in started]
    assert [code for _, code in ended] == [0, 0], ended
    summaries = [json.loads(out) for (out, _), _ in ended]
    assert sum(one["new"] for one in summaries) == 3000
    assert sum(one["known"] for one in summaries) == 3000
    assert total(client) == 3000


def test_a_server_converts_meanwhile(desk: TestDesk, client: Client) -> None:
    path = made(desk, alerts(6000))
    process = subprocess.Popen(command(desk, "--json", str(path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    converted = 0
    try:
        wait_until(lambda: total(client) > 0)
        while process.poll() is None:
            ids = [client.create_alert(title=f"By hand {converted}") for _ in range(2)]
            assert client.order(ids)["success_ids"] == ids
            converted += 1
        out, log = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, log
    assert json.loads(out) == counts(lines=6000, new=6000)
    assert converted > 0
    assert total(client) == 6000 + 2 * converted


# Size

_PEAK = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB
print(json.dumps({"peak": peak, "summary": json.loads(done.stdout)}))
"""


def peak_mib(desk: TestDesk, path: Path) -> tuple[float, dict[str, int]]:
    """The most memory that an ingest of the file held, measured from a small process: a child begins as its parent."""
    shown = subprocess.run(
        [sys.executable, "-c", _PEAK, *command(desk, "--json", str(path))],
        capture_output=True,
        check=True,
        timeout=120,
    )
    found = json.loads(shown.stdout)
    return found["peak"] / 1024, found["summary"]


def test_memory_is_flat_for_a_file_of_any_size(desk: TestDesk) -> None:
    flow = FLOW.rstrip(b"}\n") + b',"filler":"' + b"x" * 1900 + b'"}\n'
    rounds = BIG_BYTES // (len(flow) * 20)
    path = desk.path.with_name("big.json")
    with path.open("wb") as file:
        for number in range(rounds):
            file.write(flow * 19 + alert(number, payload_printable="y" * 1500))
    small, _ = peak_mib(desk, made(desk, alert(10**6) + flow, "small.json"))
    big, found = peak_mib(desk, path)
    assert found == counts(lines=rounds * 20, new=rounds, skipped=rounds * 19)
    assert big - small < 40
