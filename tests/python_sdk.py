"""The vendor's Python SDK, unchanged: the newest release of each of its two module names.

Each release lives in a virtual environment of its own under `.cache`, made when it is first needed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

CLIENTS = Path(__file__).with_name("clients") / "python"
CACHE = Path(__file__).resolve().parents[1] / ".cache"
# The operations moved from module v2 to v1 after 3.1.180.
OLDER, NEWEST = "3.1.180", "3.1.219"
PINS = {OLDER: "v2", NEWEST: "v1"}


class Sdk(msgspec.Struct, frozen=True):
    python: Path
    module: str
    home: Path

    def run(self, program: str, *arguments: str, given: str = "", **environment: str) -> Any:
        """What a program of `clients/python` prints; nothing of the caller's own SDK settings reaches it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("HUAWEICLOUD_", "CLOUD_SDK_"))}
        done = subprocess.run(
            [self.python, CLIENTS / program, self.module, *arguments],
            input=given,
            env={**own, "HOME": str(self.home), "NO_PROXY": "*", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def calls(self, steps: list[dict[str, Any]], **environment: str) -> list[dict[str, Any]]:
        return list(self.run("calls.py", given=json.dumps(steps), **environment))


def installed(pin: str, home: Path) -> Sdk:
    """The release; `home` is a folder for what it keeps of a user."""
    return Sdk(sdk_python(pin), PINS[pin], home)


def sdk_python(pin: str) -> Path:
    """The interpreter of the release's environment, which is made unless it is there complete."""
    requirements = CLIENTS / f"requirements-{pin}.txt"
    wanted = f"{sys.version}\n{hashlib.sha256(requirements.read_bytes()).hexdigest()}\n"
    folder, python = CACHE / f"sdk-{pin}", CACHE / f"sdk-{pin}" / "bin" / "python"
    complete = folder / "complete"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"sdk-{pin}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test run may be making the same one
        if not (python.exists() and complete.exists() and complete.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            _install(python, requirements)
            complete.write_text(wanted)
    return python


def _install(python: Path, requirements: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
         "--require-hashes", "-r", requirements],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    reason = (
        f"pip cannot install {requirements.name}. Run the tests once with a network, or name a folder with the wheels "
        f"in PIP_FIND_LINKS. pip said: {' '.join(done.stderr.split())[-400:]}"
    )
    if os.environ.get("CI") or "DO NOT MATCH THE HASHES" in done.stderr:
        pytest.fail(reason)
    pytest.skip(reason)
