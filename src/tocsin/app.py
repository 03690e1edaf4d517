"""The composition root: builds everything from the settings and passes it down."""

import logging
import re
import socket
import sys
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tocsin.api.edge import Edge
from tocsin.api.hashing import Hashing
from tocsin.api.openapi import openapi_document
from tocsin.api.operations import Services
from tocsin.api.table import OPERATIONS
from tocsin.api.turns import Turns
from tocsin.attachments.files import AttachmentFiles, checked_folder
from tocsin.clock import now_ms
from tocsin.conversion.records import Rules
from tocsin.errors import SetupError
from tocsin.identity.secrets import read_key_file
from tocsin.identity.service import require_key
from tocsin.identity.throttle import LoginThrottle
from tocsin.settings import Settings
from tocsin.storage.database import Database, database_file
from tocsin.storage.migrate import require_current
from tocsin.storage.sqlite import SqliteDatabase, administered
from tocsin.terminal import visible
from tocsin.times import parse_offset

READS_OF_A_USER = 2  # half of the reader threads of an embedded database
EXPORTS_OF_A_USER = 4
IMPORT_THREADS = 2  # each keeps a processor busy while it reads


def key_file(settings: Settings) -> Path:
    """Where the key is that encrypts stored secret keys: beside the database, unless the settings say otherwise."""
    if settings.secret_key_file:
        return Path(settings.secret_key_file).expanduser()
    database = database_file(settings.database)
    return database.with_name(f"{database.name}.key")


def open_database(settings: Settings) -> SqliteDatabase:
    """Raises SetupError, saying what to do, for a database that is missing or has another schema."""
    path = database_file(settings.database)
    with administered(path, busy_timeout_ms=settings.busy_timeout_ms) as connection:
        require_current(connection)
    return SqliteDatabase(path, busy_timeout_ms=settings.busy_timeout_ms, read_timeout_s=settings.read_timeout_s)


def attachment_files(settings: Settings) -> AttachmentFiles:
    """Raises SetupError for a place that is no directory."""
    return AttachmentFiles(checked_folder(settings.attachments, database_file(settings.database)))


def offset_min(settings: Settings) -> int:
    try:
        return parse_offset(settings.time_offset)
    except ValueError as error:
        raise SetupError(f"the setting time_offset: {error}") from error


def conversion_rules(settings: Settings) -> Rules:
    return Rules(
        each=settings.conversion_shape == "each",
        close_alerts=settings.conversion_close_alerts,
        allow_again=settings.conversion_allow_again,
        owner_is_caller=settings.conversion_owner == "caller",
        daily_limit=settings.conversion_daily_limit,
        strict_types=settings.types_strict,
    )


def build_app(settings: Settings, database: Database, *, clock: Callable[[], int] = now_ms) -> Edge:
    """The ASGI application.

    Raises SetupError for a key file that is missing or another database's, or a setting that makes no sense.
    """
    key_box = read_key_file(key_file(settings))
    database.read(lambda tx: require_key(tx, key_box)).result()
    services = Services(
        settings=settings,
        database=database,
        key_box=key_box,
        throttle=LoginThrottle(),
        hashing=Hashing(),
        reading=Turns(READS_OF_A_USER),
        importing=Turns(1),
        exporting=Turns(EXPORTS_OF_A_USER),
        import_threads=ThreadPoolExecutor(IMPORT_THREADS, thread_name_prefix="import"),
        files=attachment_files(settings),
        rules=conversion_rules(settings),
        offset_min=offset_min(settings),
        hostname=socket.gethostname(),
        now_ms=clock,
        openapi=openapi_document(OPERATIONS, version=version("tocsin")),
    )
    return Edge(services, OPERATIONS)


# What JSON leaves as it is, and a terminal obeys.
_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _json(event: object, **_: object) -> str:
    text = msgspec.json.encode(event, enc_hook=repr).decode()
    return _STEERING.sub(lambda letter: f"\\u{ord(letter[0]):04x}", text)


def _visible_values(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}


def configure_logging(settings: Settings) -> None:
    """Structured lines on standard error: an event in the past tense, with ids."""
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_visible_values] if text else [structlog.processors.format_exc_info]),
            # Plain: a richer one prints local variables, among them secrets.
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
            if text
            else structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
