"""The demo is the main job: the commands and the API that everybody uses, on sample data."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


def test_without_a_terminal_the_demo_ends_with_its_result_as_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "demo"], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60
    )
    lines = done.stdout.decode().splitlines()
    result = json.loads(lines[-1])
    assert set(result) == {"alerts", "converted", "incident_id", "incident_title"}
    assert result["alerts"] > 300
    assert result["converted"] == 12
    shown = "\n".join(lines[:-1])
    assert result["incident_id"] in shown
    assert result["incident_title"] in shown
    assert "handle_status Open -> Closed" in shown
    assert done.stderr == b""


def test_without_input_the_demo_ends_even_when_it_shows_on_a_terminal() -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin", "demo"], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(controller, 65536):
                shown += block
        assert process.wait(60) == 0
    os.close(controller)
    assert json.loads(shown.decode().splitlines()[-1])["converted"] == 12


def test_on_a_terminal_the_server_stays_until_ctrl_c() -> None:
    process_id, terminal = pty.fork()
    if process_id == 0:
        os.execv(sys.executable, [sys.executable, "-m", "tocsin", "demo"])
    shown = ""
    deadline = time.monotonic() + 60
    while "print(client.list_incidents" not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536).decode()
    url = re.search(r"http://127\.0\.0\.1:\d+", shown)
    assert url, shown
    with urllib.request.urlopen(f"{url[0]}/readyz", timeout=120) as answer:
        assert json.load(answer) == {"status": "ready"}
    os.write(terminal, b"\x03")
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:  # the other end of the terminal is closed
            break
    _, status = os.waitpid(process_id, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url[0]}/readyz", timeout=120)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_ended_from_outside_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    while not list(tmp_path.glob("tocsin-demo-*/demo.db")):
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not [one for one in _command_lines() if str(tmp_path) in one]
    assert not list(tmp_path.glob("tocsin-demo-*"))


def _command_lines() -> Iterator[str]:
    """Of every process, where the system shows them as files."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield file.read_bytes().decode("utf-8", "replace")
