"""What one client can take of the server: the head, the body and the time of a request are bounded."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import uvicorn

from support import Client, TestDesk
from tocsin.cli import protocol


@pytest.fixture
def address(desk: TestDesk) -> Iterator[tuple[str, int]]:
    """Of a `tocsin serve`, which has the bounded protocol."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    host, _, port = process.stdout.readline().decode().split()[-1].removeprefix("http://").partition(":")
    yield host, int(port)
    process.terminate()
    process.communicate(timeout=60)


def test_a_head_over_the_limit_ends_the_connection(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=120) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_for_ever(one)
    with socket.create_connection(address, timeout=120) as other:
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert other.recv(65536).startswith(b"HTTP/1.1 200")


def send_for_ever(connection: socket.socket) -> None:
    for _ in range(100 * protocol.MAX_HEAD_BYTES >> 16):
        connection.sendall(b"t" * 65536)


def test_a_head_as_large_as_the_published_token_is_read(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=120) as one:
        one.sendall(b"GET /v3/projects HTTP/1.1\r\nHost: x\r\nX-Auth-Token: " + b"t" * (2 << 20) + b"\r\n\r\n")
        assert one.recv(65536).startswith(b"HTTP/1.1 401")


def test_a_head_that_is_slow_in_coming_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_PATIENCE_S", 0.2)

    async def closed_after_s() -> float:
        config = uvicorn.Config(lambda *_: None, http=protocol.BoundedProtocol, lifespan="off", log_config=None)
        config.load()
        state = uvicorn.server.ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: protocol.BoundedProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        started = time.monotonic()
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        assert await reader.read() == b""
        writer.close()
        server.close()
        return time.monotonic() - started

    assert 0.1 < asyncio.run(closed_after_s()) < 60


def test_a_large_body_is_not_looked_into_before_the_credentials_hold(client: Client) -> None:
    nested = b'{"data_object":{"title":"x","a":[' + b"[]," * 1_000_000 + b"1]}}"
    with socket.create_connection((client.http.base_url.host, client.http.base_url.port or 80), timeout=60) as one:
        head = f"POST {client.url('alerts')} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: none\r\n"
        one.sendall(head.encode() + f"Content-Length: {len(nested)}\r\n\r\n".encode() + nested)
        assert one.recv(65536).startswith(b"HTTP/1.1 401")  # before anybody looks into it
    assert client.post("alerts", raw=nested).status_code == 400


def test_a_token_request_is_small(client: Client) -> None:
    answer = client.http.post("/v3/auth/tokens", content=b'{"auth":' + b"[" * 100_000)
    assert answer.status_code == 413


def test_a_database_file_that_is_replaced_is_the_one_in_use_from_then_on(client: Client, desk: TestDesk) -> None:
    kept = client.create_alert()
    with sqlite3.connect(desk.path) as source, sqlite3.connect(desk.path.with_name("backup.db")) as target:
        source.backup(target)
    source.close()
    target.close()
    lost = client.create_alert()
    for suffix in ("-wal", "-shm"):
        desk.path.with_name(desk.path.name + suffix).unlink(missing_ok=True)
    desk.path.with_name("backup.db").replace(desk.path)
    assert client.get(f"alerts/{kept}").status_code == 200
    assert client.get(f"alerts/{lost}").status_code == 400
    later = client.create_alert()
    with sqlite3.connect(desk.path) as other:
        assert other.execute("SELECT count(*) FROM data_objects WHERE id = ?", (later,)).fetchone() == (1,)
    other.close()
