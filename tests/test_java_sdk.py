"""The vendor's Java SDK, unchanged, works against the server: the oldest and the newest release that Maven Central has.

Both have the operations in module v2. Unlike the Python SDK they refuse a declared field of the wrong JSON type, and find
the request id only under the header's published spelling. Maven builds the programs once for each release, below `.cache`.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from support import Client, TestDesk

PROJECT = Path(__file__).with_name("clients") / "java"
CACHE = Path(__file__).resolve().parents[1] / ".cache"
PINS = ("3.1.107", "3.1.143")
BUILD_TIMEOUT_S = 600  # a first build downloads everything
RUN_TIMEOUT_S = 120
UNREACHABLE = re.compile(
    r"(could not|cannot) (transfer|find|access|be resolved|resolve)|offline mode|unknown host", re.IGNORECASE
)


class Java(msgspec.Struct, frozen=True):
    built: Path
    home: Path

    def run(
        self, program: str, desk: TestDesk, *arguments: str, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a program as the administrator; nothing of the caller's own SDK settings reaches it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("HUAWEICLOUD_", "CLOUD_SDK_"))}
        keys = {"CLOUD_SDK_AK": desk.made.access_key or "", "CLOUD_SDK_SK": desk.made.secret_key or ""}
        class_path = f"{self.built / 'classes'}{os.pathsep}{self.built / 'lib' / '*'}"
        return subprocess.run(
            ["java", f"-Duser.home={self.home}", "-cp", class_path, program, *arguments],
            env={**own, **keys, **environment}, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session", params=PINS, ids=lambda pin: f"sdk-{pin}")
def java(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Java:
    need_java()
    return Java(built(request.param), tmp_path_factory.mktemp("home"))


def need_java() -> None:
    found = ""
    if shutil.which("mvn") and shutil.which("javac"):
        done = subprocess.run(["javac", "-version"], capture_output=True, text=True, timeout=60, check=False)
        found = done.stdout + done.stderr  # releases before 9 print it as an error
    version = re.search(r"javac (\d+)", found)
    if version and int(version[1]) >= 17:
        return
    reason = "a JDK of 17 or newer and Maven are needed: apt-get install openjdk-17-jdk-headless maven"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def built(pin: str) -> Path:
    """The folder with the programs for this release, which are compiled unless they are there complete."""
    sources = [PROJECT / "pom.xml", PROJECT / f"lib-{pin}.sha256", *sorted((PROJECT / "src").rglob("*.java"))]
    wanted = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    folder = CACHE / f"java-{pin}"
    complete = folder / "complete"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"java-{pin}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test run may be making the same one
        if not (complete.exists() and complete.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            _build(pin, folder)
            complete.write_text(wanted)
    return folder


def _build(pin: str, folder: Path) -> None:
    done = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--update-snapshots", f"--file={PROJECT}", "compile",
         f"-Dsdk={pin}", f"-Dout={folder}"],
        capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        why = "Maven cannot compile the programs"
        if UNREACHABLE.search(done.stdout):
            why = "Maven cannot download what the programs need. Run the tests once with a network"
        pytest.fail(f"{why}. It said:\n{done.stdout[-3000:]}", pytrace=False)
    jars = sorted((folder / "lib").iterdir())
    hashes = "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)
    if hashes != (PROJECT / f"lib-{pin}.sha256").read_text():
        pytest.fail(f"{folder / 'lib'} is not what lib-{pin}.sha256 lists, but:\n{hashes}", pytrace=False)


def test_the_documentations_sample_makes_one_incident_of_alerts(java: Java, desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert(title="First"), client.create_alert(title="Second")]
    where = [client.base, desk.made.project_id, desk.made.workspace_id or ""]
    assert_converted(java.run("Sample", desk, *where, *ids), ids)
    (incident,) = client.search("incidents")["data"]
    assert incident["data_object"]["title"] == "XXX"
    assert sorted(incident["data_object"]["alert_list"]) == sorted(ids)


def test_the_sample_needs_only_environment_variables_and_no_project_id(
    java: Java, desk: TestDesk, client: Client
) -> None:
    ids = [client.create_alert()]
    done = java.run(
        "Sample",
        desk,
        *["", "", desk.made.workspace_id or "", *ids],
        HUAWEICLOUD_SDK_REGION_SECMASTER_CN_NORTH_4=client.base,
        HUAWEICLOUD_SDK_IAM_ENDPOINT=client.base,
    )
    assert_converted(done, ids)


def assert_converted(done: "subprocess.CompletedProcess[str]", ids: list[str]) -> None:
    said = done.stdout + done.stderr
    assert "code: 00000000\n" in said, said
    assert f"successIds: [{', '.join(ids)}]" in said, said
    assert "errorIds: []" in said, said
    assert re.search(r"xRequestId: [0-9a-f]{8}-", said), said


def test_each_operation_answers_with_what_the_sdks_objects_declare(java: Java, desk: TestDesk, base: str) -> None:
    done = java.run("Sweep", desk, base, desk.made.project_id, desk.made.workspace_id or "")
    if done.returncode:
        pytest.fail(done.stderr or done.stdout, pytrace=False)
    assert "FAILED" not in done.stderr
