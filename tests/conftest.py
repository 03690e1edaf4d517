"""Fixtures: a desk made once for the run and copied for each test, a server on the copy, and a client."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from support import Client, TestDesk, copy_desk, serving
from tocsin.administration.service import Setup

# A developer's own settings must not steer the tests.
for name in [name for name in os.environ if name.startswith("TOCSIN_") and not name.startswith("TOCSIN_TEST_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    """A desk as `tocsin init` makes it."""
    path = tmp_path_factory.mktemp("template") / "desk.db"
    made = subprocess.run(
        [sys.executable, "-m", "tocsin", "init", "--database", f"sqlite:///{path}", "--json"],
        check=True,
        capture_output=True,
    ).stdout
    return TestDesk(path=path, made=msgspec.json.decode(made, type=Setup))


@pytest.fixture
def desk(template: TestDesk, tmp_path: Path) -> TestDesk:
    return copy_desk(template, tmp_path)


@pytest.fixture
def base(desk: TestDesk) -> Iterator[str]:
    """The base URL of a server with default settings."""
    with serving(desk) as url:
        yield url


@pytest.fixture
def client(base: str, desk: TestDesk) -> Iterator[Client]:
    """The administrator's client."""
    with Client(base, desk) as one:
        yield one


@pytest.fixture
def connect(base: str, desk: TestDesk) -> Iterator[Callable[..., Client]]:
    """Makes further clients of the same server; takes what Client takes after base and desk."""
    with ExitStack() as stack:
        yield lambda **kwargs: stack.enter_context(Client(base, desk, **kwargs))
