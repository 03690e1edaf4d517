"""`tocsin serve`."""

import errno
import gc
import ipaddress
import signal
import socket
import ssl
from pathlib import Path
from types import FrameType

import click
import structlog
import uvicorn

from tocsin.app import build_app, configure_logging
from tocsin.cli.common import DATABASE, opened, reported, settings_from
from tocsin.cli.protocol import BoundedProtocol
from tocsin.errors import SetupError
from tocsin.settings import DESCRIPTIONS, Settings, variable

LOG = structlog.get_logger()

BACKLOG = 2048
GRACE_S = 30  # requests in flight get this long to finish
KEEP_ALIVE_S = 75  # longer than clients wait before they use a connection again

_SETTINGS_HELP = "\b\nSettings, as variables (in a --config file without the prefix, in lower case):\n" + "\n".join(
    f"  {variable(name)}\n      {sentence}" for name, sentence in DESCRIPTIONS.items()
)


@click.command(epilog=_SETTINGS_HELP)
@DATABASE
@click.option("--host", metavar="ADDRESS", help="Address to listen on. Default: 127.0.0.1.")
@click.option("--port", type=int, metavar="PORT", help="TCP port; 0 takes a free one. Default: 8080.")
@click.option("--tls-cert", metavar="FILE", help="PEM file with the certificate chain.")
@click.option("--tls-key", metavar="FILE", help="PEM file with the private key.")
@click.pass_context
def serve(
    context: click.Context,
    database: str | None,
    host: str | None,
    port: int | None,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Answer the API until SIGTERM or SIGINT; requests in flight finish first.

    Prints one line on standard output when it listens; the log goes to standard error.
    """
    with reported():
        settings = settings_from(context, database=database, host=host, port=port, tls_cert=tls_cert, tls_key=tls_key)
        configure_logging(settings)
        _check_tls(settings)
        with opened(settings) as desk_database:
            app = build_app(settings, desk_database)
            _run(settings, app)


def _run(settings: Settings, app: object) -> None:
    listener = _listener(settings)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = f"{'https' if settings.tls_cert else 'http'}://{shown}:{port}"
    if not settings.tls_cert and not _is_loopback(host):
        LOG.warning("listening_without_tls", url=url, advice="passwords and tokens can be read on the way: use TLS")
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        loop="uvloop",
        http=BoundedProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # else any client could claim another address, and with it a fresh count of failures
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    _spare_the_collector()
    server = uvicorn.Server(config)
    _stop_on_signals(server)
    LOG.info("server_started", url=url)
    click.echo(f"Tocsin listens on {url}")
    server.run(sockets=[listener])
    LOG.info("server_stopped")


def _spare_the_collector() -> None:
    """Requests leave hardly any cycles behind, and a batch makes thousands of objects: look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """A wanted stop ends with status 0.

    uvicorn handles signals only once it runs, and raises the one that stopped it again when it is done: both times it
    arrives here.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _listener(settings: Settings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)  # before anybody is told of the port: an early client waits instead of failing
    except OSError as error:
        advice = {
            errno.EADDRINUSE: "another program uses it: choose another --port",
            errno.EACCES: "ports below 1024 are for root: choose a higher --port",
        }.get(error.errno or 0, "check --host: it must be an address of this machine")
        raise SetupError(f"cannot listen on {settings.host} port {settings.port}: {advice}") from error
    return listener


def _check_tls(settings: Settings) -> None:
    if not settings.tls_cert:
        return
    for name in ("tls_cert", "tls_key"):
        if not Path(getattr(settings, name)).is_file():
            raise SetupError(f"the file of the setting {name} is not there: {getattr(settings, name)}")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (ssl.SSLError, OSError) as error:
        raise SetupError(f"certificate and key cannot be used: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
