"""What the tests share: a desk of its own for each test, a real server on it, and a client that speaks to it."""

import functools
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import uvicorn

from tocsin.administration.service import Setup
from tocsin.app import build_app, configure_logging, open_database
from tocsin.clock import now_ms
from tocsin.identity import service as identity
from tocsin.identity.records import Project, Role, User
from tocsin.identity.secrets import KeyBox, hash_password, new_access_key, read_key_file
from tocsin.identity.signing import sdk_date, sign
from tocsin.ids import new_hex_id, new_id
from tocsin.settings import Settings
from tocsin.storage.database import Database
from tocsin.storage.sqlite import SqliteDatabase
from tocsin.workspaces.records import Workspace
from tocsin.workspaces.service import create_workspace

PASSWORD = "correct horse battery staple"
SHARED = Path(__file__).resolve().parents[2] / "shared"


@functools.cache
def _password_hash() -> str:
    """Hashing takes its time on purpose; once is enough for a run."""
    return hash_password(PASSWORD)


class TestDesk(msgspec.Struct, frozen=True, kw_only=True):
    """A database file of its own, set up like `tocsin init` does."""

    __test__ = False

    path: Path
    made: Setup

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def settings(self, **changes: Any) -> Settings:
        return Settings(database=self.url, log_level="error", **changes)

    @contextmanager
    def database(self) -> Iterator[SqliteDatabase]:
        with closing(open_database(self.settings())) as database:
            yield database

    def add_project(self, name: str) -> str:
        """Another project of the account, in which nobody has a role yet; returns its id."""
        project_id = new_hex_id()
        with self.database() as database:

            def add(tx: Any) -> None:
                domain = identity.list_domains(tx)[0]
                identity.create_project(tx, Project(project_id, domain.id, name, "", enabled=True), now_ms())

            database.write(add).result()
        return project_id

    def add_workspace(self, name: str, project_id: str | None = None) -> str:
        """Another workspace; returns its id."""
        workspace = Workspace(
            id=new_id(), project_id=project_id or self.made.project_id, name=name, description="", region_id="r",
            project_name="p", enterprise_project_id="", enterprise_project_name="", view_bind_id="", is_view=False,
            tags="[]", creator_id="", creator_name="", modifier_id="", modifier_name="", create_time=now_ms(),
            update_time=now_ms(),
        )  # fmt: skip
        with self.database() as database:
            database.write(lambda tx: create_workspace(tx, workspace)).result()
        return workspace.id

    def add_user(self, name: str, role: Role | None, project_id: str | None = None) -> "Key":
        """A user with PASSWORD and an access key, and a role in a project (or in none)."""
        access, secret = new_access_key()
        user_id = new_hex_id()
        box: KeyBox = read_key_file(self.path.with_name(f"{self.path.name}.key"))
        with self.database() as database:

            def add(tx: Any) -> None:
                domain = identity.list_domains(tx)[0]
                identity.create_user(
                    tx, User(user_id, name, domain.id, domain.name, _password_hash(), enabled=True), now_ms()
                )
                if role is not None:
                    identity.grant_role(tx, user_id, project_id or self.made.project_id, role)
                identity.create_access_key(tx, user_id, access, box.seal(secret, access=access), now_ms())

            database.write(add).result()
        return Key(access=access, secret=secret)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    access: str
    secret: str


@contextmanager
def serving(
    desk: TestDesk, *, database: Database | None = None, clock: Callable[[], int] = now_ms, **changes: Any
) -> Iterator[str]:
    """A real server on a free port, in a thread of this process; yields its base URL. `changes` are settings."""
    settings = desk.settings(**changes)
    configure_logging(settings)
    own = database or open_database(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        build_app(settings, own, clock=clock),  # type: ignore[arg-type]
        loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=600,  # a machine that stands still for a while must not cost a client its connection
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=120)
        if database is None:
            own.close()


class Client:
    """Signed requests to a server, in the manner of the Python SDK. Paths are below the workspace unless they start
    with /v."""

    def __init__(self, base: str, desk: TestDesk, key: Key | None = None, workspace_id: str | None = None,
                 project_id: str | None = None) -> None:  # fmt: skip
        self.base = base
        self.key = key or Key(access=desk.made.access_key or "", secret=desk.made.secret_key or "")
        self.project_id = project_id or desk.made.project_id
        self.workspace_id = workspace_id or desk.made.workspace_id or ""
        self.http = httpx.Client(base_url=base, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def url(self, path: str) -> str:
        if path.startswith(("/v", "/openapi", "/health", "/ready")):
            return path
        return f"/v1/{self.project_id}/workspaces/{self.workspace_id}/soc/{path}"

    def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, raw: bytes | None = None,
    ) -> httpx.Response:  # fmt: skip
        """`body` is sent as JSON; `raw` as it is."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = self.signed(method, path, content, {"Content-Type": "application/json", **(headers or {})})
        return self.http.request(method, self.target(path), content=content, headers=sent)

    def target(self, path: str) -> httpx.URL:
        return httpx.URL(self.base + self.url(path))

    def signed(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers to send; nothing is added for a key that is empty."""
        if not self.key.access:
            return dict(headers)
        target = self.target(path)
        return sign(
            method=method, host=target.netloc.decode(), path=target.raw_path.decode().partition("?")[0],
            query=target.query.decode(), headers=headers, body=content, access=self.key.access,
            secret=self.key.secret, date=sdk_date(now_ms()),
        )  # fmt: skip

    def upload(self, path: str, file: bytes, name: str = "file.xlsx", **fields: str) -> httpx.Response:
        """A form with one file, as the SDK sends it: the payload is not signed."""
        request = httpx.Request("POST", self.target(path), files={"uploadFile": (name, file)}, data=fields)
        headers = {"Content-Type": request.headers["content-type"], "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
        return self.send("POST", path, raw=request.read(), headers=headers)

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.send("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        return self.send("POST", path, body, **kwargs)

    def put(self, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        return self.send("PUT", path, body, **kwargs)

    def delete(self, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        return self.send("DELETE", path, body, **kwargs)

    def create_alert(self, **fields: Any) -> str:
        """The smallest valid alert, with these fields; returns its id."""
        answer = self.post("alerts", {"data_object": {"title": "An alert", **fields}})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])

    def show(self, path: str) -> dict[str, Any]:
        """The data_object of an alert or incident, such as `alerts/<id>`."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"]["data_object"])

    def search(self, path: str = "alerts", **body: Any) -> dict[str, Any]:
        """The answer to a search of `alerts`, `incidents` or a relation path."""
        answer = self.post(f"{path}/search", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def order(self, ids: Sequence[str], **body: Any) -> dict[str, Any]:
        """The `data` of a conversion that must be answered 200."""
        answer = self.post("alerts/batch-order", {"ids": list(ids), **body})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])


def copy_desk(template: TestDesk, folder: Path) -> TestDesk:
    """A copy of a template desk: its file and its key."""
    path = folder / "desk.db"
    shutil.copy(template.path, path)
    shutil.copy(template.path.with_name(f"{template.path.name}.key"), path.with_name("desk.db.key"))
    return TestDesk(path=path, made=template.made)
