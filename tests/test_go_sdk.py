"""The vendor's Go SDK, unchanged, works against the server: a release with the operations in module v2, and the newest.

Unlike the Python SDK it refuses a declared field of the wrong JSON type. Go keeps what it compiled in its own cache.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support import Client, TestDesk

PROJECTS = Path(__file__).with_name("clients") / "go"
NEWEST = "sdk-0.1.207"
PINS = ("sdk-0.1.174", NEWEST)
BUILD_TIMEOUT_S = 600  # a first build downloads everything
RUN_TIMEOUT_S = 120
UNREACHABLE = re.compile(r"dial tcp|lookup disabled|no such host|connection refused|i/o timeout|network is unreachable")


class Go(msgspec.Struct, frozen=True):
    programs: Path
    home: Path

    def run(
        self, program: str, desk: TestDesk, *arguments: str, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a program as the administrator; nothing of the caller's own SDK settings reaches it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("HUAWEICLOUD_", "CLOUD_SDK_"))}
        keys = {"CLOUD_SDK_AK": desk.made.access_key or "", "CLOUD_SDK_SK": desk.made.secret_key or ""}
        return subprocess.run(
            [self.programs / program, *arguments],
            env={**own, **keys, "HOME": str(self.home), "NO_PROXY": "*", **environment},
            capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session", params=PINS)
def go(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Go:
    return built(request.param, tmp_path_factory)


@pytest.fixture(scope="session")
def newest_go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    return built(NEWEST, tmp_path_factory)


def built(pin: str, tmp_path_factory: pytest.TempPathFactory) -> Go:
    if not shutil.which("go"):
        reason = "Go 1.18 or newer is needed: apt-get install golang-go"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    programs = tmp_path_factory.mktemp(pin)
    done = subprocess.run(
        ["go", "build", "-buildvcs=false", "-mod=readonly", "-o", f"{programs}{os.sep}", "./..."],
        cwd=PROJECTS / pin, env={**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"},
        capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        why = "Go cannot compile the programs"
        if UNREACHABLE.search(done.stderr):
            why = "Go cannot download the modules that the programs need. Run the tests once with a network"
        pytest.fail(f"{why}. It said:\n{done.stderr[-3000:]}", pytrace=False)
    return Go(programs, tmp_path_factory.mktemp("home"))


def test_the_documentations_sample_makes_one_incident_of_alerts(go: Go, desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert(title="First"), client.create_alert(title="Second")]
    where = [client.base, desk.made.project_id, desk.made.workspace_id or ""]
    assert_converted(go.run("sample", desk, *where, *ids), ids)
    (incident,) = client.search("incidents")["data"]
    assert incident["data_object"]["title"] == "XXX"
    assert sorted(incident["data_object"]["alert_list"]) == sorted(ids)


def test_a_region_finds_the_server_by_an_environment_variable(go: Go, desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert()]
    done = go.run(
        "sample",
        desk,
        *["", desk.made.project_id, desk.made.workspace_id or "", *ids],
        HUAWEICLOUD_SDK_REGION_SECMASTER_CN_NORTH_4=client.base,
    )
    assert_converted(done, ids)


def assert_converted(done: "subprocess.CompletedProcess[str]", ids: list[str]) -> None:
    name, _, text = done.stdout.partition(" ")
    assert name == "CreateBatchOrderAlertsResponse", done.stdout + done.stderr
    held: dict[str, Any] = json.loads(text)
    assert held.pop("X-request-id")
    assert held == {"code": "00000000", "message": "", "data": {"success_ids": ids, "error_ids": []}}


def test_each_operation_answers_with_what_the_sdks_objects_declare(newest_go: Go, desk: TestDesk, base: str) -> None:
    done = newest_go.run("sweep", desk, base, desk.made.project_id, desk.made.workspace_id or "")
    if done.returncode:
        pytest.fail(done.stderr or done.stdout, pytrace=False)
    assert "FAILED" not in done.stderr
