"""`tocsin serve`: it starts only when everything is right, says so once, and stops without cutting anybody off."""

import datetime as dt
import http.client
import ipaddress
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support import Client, TestDesk
from tocsin.identity.records import Role

LISTENS = re.compile(r"^Tocsin listens on (https?)://(\[[0-9a-f:]+\]|[0-9.]+):(\d+)$")
STOPS_S = 120


class Server:
    """A server process on a free port of a desk."""

    def __init__(self, desk: TestDesk, log: Path, *options: str) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0", *options],
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().rstrip("\n")
        match = LISTENS.match(self.line)
        assert match, f"{self.line!r} {self.log()}"
        self.scheme, self.host, port = match.groups()
        self.port = int(port)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.read_text()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=STOPS_S)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + STOPS_S
        while True:
            try:
                self.connect().close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)
            else:
                return

    def wait_until_it_refuses(self) -> None:
        deadline = time.monotonic() + STOPS_S
        while time.monotonic() < deadline:
            try:
                self.connect().close()
            except ConnectionRefusedError:
                return
            time.sleep(0.02)
        pytest.fail("still takes connections after the signal")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOPS_S)


@contextmanager
def server(desk: TestDesk, *options: str, ready: bool = True) -> Iterator[Server]:
    one = Server(desk, desk.path.with_name("log"), *options)
    try:
        if ready:
            one.wait_until_it_answers()
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def serve(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A `serve` that should end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "serve", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **variables},
        check=False,
    )


def refusal(*arguments: str, **variables: str) -> str:
    """The message of a server that must not start, in words and not in a trace."""
    refused = serve(*arguments, **variables)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr, refused.stderr.splitlines()[-1]
    assert "tocsin: " in refused.stderr
    return refused.stderr


def certificate(folder: Path, name: str = "server") -> tuple[str, str]:
    """A certificate for the loopback address that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    cert_path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(cert_path), str(key_path)


def login(desk: TestDesk) -> bytes:
    user = {"name": desk.made.user_name, "password": desk.made.password, "domain": {"name": desk.made.domain_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return json.dumps({"auth": {"identity": identity, "scope": {"project": {"id": desk.made.project_id}}}}).encode()


def test_it_says_once_where_it_listens_and_logs_structured_lines(desk: TestDesk) -> None:
    with server(desk) as one:
        assert httpx.get(f"{one.url}/healthz").json() == {"status": "ok"}
        assert one.stop() == 0
        assert one.process.stdout is not None
        assert one.process.stdout.read() == ""
        events = [json.loads(line) for line in one.log().splitlines()]
    assert [event["event"] for event in events] == ["server_started", "request_handled", "server_stopped"]
    assert events[1]["path"] == "/healthz"
    assert events[1]["status"] == 200


def test_a_refused_request_is_logged_with_who_sent_it_and_why(desk: TestDesk) -> None:
    with server(desk) as one:
        with Client(one.url, desk) as client:
            client.post("alerts", {})
            client.get("alerts/nobody")
        with Client(one.url, desk, key=desk.add_user("rita", Role.READER)) as reader:
            reader.post("alerts", {"data_object": {"title": "x"}})
        httpx.get(f"{one.url}/v1/x/workspaces")
        one.stop()
        events = [json.loads(line) for line in one.log().splitlines()]
    told = [(event["user"], event["status"], event["code"]) for event in events if event["event"] == "request_handled"]
    assert told == [
        ("admin", 400, "SecMaster.20041805"),
        ("admin", 400, "SecMaster.20030005"),
        ("rita", 403, "SecMaster.90010015"),
        (None, 401, "APIGW.0301"),
    ]
    assert "data_object" in events[1]["reason"]


def test_health_and_readiness_need_no_credentials(desk: TestDesk) -> None:
    with server(desk) as one:
        for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
            answer = httpx.get(one.url + path)
            assert (answer.status_code, answer.json()) == (200, {"status": status})


def test_it_takes_connections_as_soon_as_it_says_so(desk: TestDesk) -> None:
    with server(desk, ready=False) as one, closing(one.connect()) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_as_soon_as_it_listens(number: int, desk: TestDesk) -> None:
    with server(desk, ready=False) as one:
        assert one.stop(number) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_status_0(number: int, desk: TestDesk) -> None:
    with server(desk) as one:
        httpx.get(f"{one.url}/healthz")
        assert one.stop(number) == 0
        assert "Traceback" not in one.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished_first(number: int, desk: TestDesk) -> None:
    body = login(desk)
    head = f"POST /v3/auth/tokens HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with server(desk) as one, closing(one.connect()) as connection:
        connection.sendall(head.encode() + body[:20])
        time.sleep(0.3)  # it is being read when the signal comes
        one.process.send_signal(number)
        one.wait_until_it_refuses()
        assert one.process.poll() is None
        connection.sendall(body[20:])
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 201
        assert json.loads(answer.read())["token"]
        answer.close()
        assert one.process.wait(STOPS_S) == 0
        assert "Traceback" not in one.log()


def test_a_write_in_flight_is_answered_and_kept(desk: TestDesk) -> None:
    with server(desk) as one:
        with Client(one.url, desk) as client:
            created = client.create_alert(title="before the stop")
        assert one.stop() == 0
    with server(desk) as one, Client(one.url, desk) as client:
        assert client.show(f"alerts/{created}")["title"] == "before the stop"


def test_an_idle_connection_holds_nothing_up(desk: TestDesk) -> None:
    with server(desk) as one, httpx.Client(base_url=one.url) as idle:
        idle.get("/healthz")
        started = time.monotonic()
        assert one.stop() == 0
        assert time.monotonic() - started < 60


def test_a_port_in_use_is_refused_and_free_again_after_the_stop(desk: TestDesk) -> None:
    with server(desk) as one:
        httpx.get(f"{one.url}/healthz")
        message = refusal("--database", desk.url, "--port", str(one.port))
        assert str(one.port) in message
        assert "--port" in message
        assert httpx.get(f"{one.url}/readyz").status_code == 200
        assert one.stop() == 0
        with server(desk, "--port", str(one.port)) as next_one:
            assert next_one.port == one.port


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_here_is_not_blamed_on_another_program(host: str, desk: TestDesk) -> None:
    message = refusal("--database", desk.url, "--host", host)
    assert host in message
    assert "--host" in message
    assert "Another program" not in message


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_a_port_that_cannot_be_is_refused(port: str, desk: TestDesk) -> None:
    refused = serve("--database", desk.url, "--port", port)
    assert refused.returncode in (1, 2)
    assert "port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_database_it_says_to_make_one(tmp_path: Path) -> None:
    message = refusal("--database", f"sqlite:///{tmp_path}/absent.db")
    assert f"{tmp_path}/absent.db" in message
    assert "tocsin init" in message
    assert list(tmp_path.iterdir()) == []


def test_with_an_empty_database_it_says_to_migrate(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert "tocsin init" in refusal("--database", f"sqlite:///{tmp_path}/empty.db")


def test_with_a_newer_database_it_says_so(desk: TestDesk) -> None:
    with closing(sqlite3.connect(desk.path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations (version, name, apply_time) VALUES (99, 'later', 0)")
    assert "newer" in refusal("--database", desk.url)


def test_with_a_file_that_is_no_database_it_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is no database.\n" * 100)
    assert str(path) in refusal("--database", f"sqlite:///{path}")


def test_a_database_locked_by_another_program_is_said(desk: TestDesk) -> None:
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("PRAGMA user_version").fetchone()
        message = refusal("--database", desk.url, TOCSIN_BUSY_TIMEOUT_MS="100")
    assert "busy" in message or "locked" in message


def test_with_postgresql_it_says_not_yet() -> None:
    assert "not supported yet" in refusal("--database", "postgresql://localhost/desk")


def test_without_its_key_it_says_where_the_key_was_looked_for(desk: TestDesk) -> None:
    key = desk.path.with_name("desk.db.key")
    key.unlink()
    message = refusal("--database", desk.url)
    assert str(key) in message
    assert "TOCSIN_SECRET_KEY_FILE" in message
    assert not key.exists()


def test_with_a_damaged_key_it_says_so(desk: TestDesk) -> None:
    desk.path.with_name("desk.db.key").write_bytes(b"not a key")
    assert "damaged" in refusal("--database", desk.url)


def test_with_the_key_of_another_database_it_does_not_start(desk: TestDesk, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tocsin", "init", "--database", f"sqlite:///{tmp_path}/other.db"],
        check=True,
        capture_output=True,
    )
    assert "key" in refusal("--database", desk.url, TOCSIN_SECRET_KEY_FILE=str(tmp_path / "other.db.key"))


def test_an_unknown_setting_is_refused(desk: TestDesk) -> None:
    assert "TOCSIN_TOKEN_LIFETIME" in refusal("--database", desk.url, TOCSIN_TOKEN_LIFETIME="60")


def test_a_time_offset_that_is_none_is_refused(desk: TestDesk) -> None:
    assert "time_offset" in refusal("--database", desk.url, TOCSIN_TIME_OFFSET="Berlin")


def test_with_a_certificate_it_speaks_tls(desk: TestDesk) -> None:
    cert, key = certificate(desk.path.parent)
    with server(desk, "--tls-cert", cert, "--tls-key", key) as one:
        assert one.scheme == "https"
        trusting = ssl.create_default_context(cafile=cert)
        assert httpx.get(f"{one.url}/readyz", verify=trusting).json() == {"status": "ready"}
        assert one.stop() == 0
        assert "listening_without_tls" not in one.log()


def test_half_a_pair_of_certificate_and_key_is_refused(desk: TestDesk) -> None:
    cert, key = certificate(desk.path.parent)
    assert "tls_key" in refusal("--database", desk.url, "--tls-cert", cert)
    assert "tls_cert" in refusal("--database", desk.url, "--tls-key", key)


def test_a_certificate_that_cannot_be_used_is_refused(desk: TestDesk) -> None:
    folder = desk.path.parent
    cert, key = certificate(folder)
    _, stranger = certificate(folder, "stranger")
    letter = folder / "letter.pem"
    letter.write_text("Dear reader")
    assert "absent.pem" in refusal("--database", desk.url, "--tls-cert", str(folder / "absent.pem"), "--tls-key", key)
    assert "certificate and key" in refusal("--database", desk.url, "--tls-cert", cert, "--tls-key", stranger)
    assert "certificate and key" in refusal("--database", desk.url, "--tls-cert", str(letter), "--tls-key", key)


@pytest.mark.parametrize(
    ("host", "tls", "warns"),
    [("0.0.0.0", False, True), ("0.0.0.0", True, False), ("127.0.0.1", False, False), ("localhost", False, False)],
)
def test_it_warns_when_others_can_listen_in(host: str, tls: bool, warns: bool, desk: TestDesk) -> None:
    cert, key = certificate(desk.path.parent)
    with server(desk, "--host", host, *(("--tls-cert", cert, "--tls-key", key) if tls else ())) as one:
        assert one.stop() == 0
        warnings = [line for line in one.log().splitlines() if json.loads(line)["level"] == "warning"]
    assert len(warnings) == int(warns)
    assert all("listening_without_tls" in line and "TLS" in line for line in warnings)


def test_settings_come_from_file_and_environment_too(desk: TestDesk, tmp_path: Path) -> None:
    config = tmp_path / "tocsin.toml"
    config.write_text(f'database = "{desk.url}"\nport = 0\nlog_level = "error"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TOCSIN_CONFIG": str(config), "TOCSIN_HOST": "127.0.0.2"},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Tocsin listens on http://127.0.0.2:")
        time.sleep(0.5)  # the stop is what is asked of it here, not the start
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=STOPS_S)
        assert (process.returncode, out, log) == (0, "", "")
    finally:
        process.kill()
        process.communicate()
