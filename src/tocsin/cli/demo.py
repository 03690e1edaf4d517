"""`tocsin demo`: the main job on sample data, through the same commands and the same API that everybody uses."""

import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from tocsin.administration.service import Setup
from tocsin.cli.common import FAILED, reported
from tocsin.clock import now_ms
from tocsin.errors import SetupError
from tocsin.identity.signing import sdk_date, sign
from tocsin.terminal import visible

SAMPLE = ("demo", "morning.jsonl")
VICTIM = "10.20.4.37"
TITLE = "Workstation WS-0437 compromised through an invoice lure"
INCIDENT_TYPE = {"category": "Malware", "incident_type": "Other"}
SEARCH = {
    "limit": 1000,
    "sort_by": "create_time",
    "order": "ASC",
    "condition": {
        "conditions": [
            {"name": "source", "data": ["network_list.src_ip", "=", VICTIM]},
            {"name": "serious", "data": ["severity", "in", "High,Fatal"]},
        ],
        "logics": ["source", "and", "serious"],
    },
}
START_PATIENCE_S = 30
AUDIT_SHOWN = 3


@click.command()
@click.option("--port", default=0, metavar="PORT", help="TCP port of the demo's server. Default: a free one.")
def demo(port: int) -> None:
    """See what Tocsin does: a morning of sample alerts, and one attack among them becomes an incident.

    Starts a server on a scratch database, takes in Suricata events, finds the attack by a search, converts it by a
    signed request and shows what came of it. On a terminal the server then stays, for you to try; Ctrl-C ends it and
    removes the scratch database. Without a terminal the last line is a JSON object with the result.
    """
    # A SIGTERM, or a closed terminal, unwinds like Ctrl-C does: server and scratch folder go with the demo.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(FAILED))
    with reported(), ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-demo-"))
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        desk = msgspec.json.decode(_tocsin("init", "--database", url, "--json"), type=Setup)
        server = stack.enter_context(_server(url, port))
        api = _Api(server, desk)
        result = _main_job(url, api)
        if sys.stdin.isatty() and sys.stdout.isatty():
            _invite(server, desk)
            _wait_for_interrupt()
        else:
            click.echo(json.dumps(result))


def _main_job(url: str, api: "_Api") -> dict[str, Any]:
    """What an analyst does, step by step; returns what the last line says."""
    with resources.as_file(resources.files("tocsin").joinpath(*SAMPLE)) as sample:
        taken = json.loads(_tocsin("ingest", "suricata", str(sample), "--database", url, "--json"))
    _step("1. A morning of Suricata events comes in", "tocsin ingest suricata morning.jsonl")
    click.echo(f"   {taken['lines']} lines: {taken['new']} alerts, {taken['skipped']} other records skipped")

    found = api.call("POST", "alerts/search", SEARCH)
    alerts = [row["data_object"] for row in found["data"]]
    alerts.sort(key=lambda alert: str(alert["first_observed_time"]))
    _step("2. One workstation stands out", f"POST …/soc/alerts/search   src_ip = {VICTIM} and severity in High,Fatal")
    for alert in alerts:
        click.echo(f"   {alert['first_observed_time'][11:16]}  {alert['severity']:<6}  {visible(alert['title'])}")

    order: dict[str, Any] = {
        "ids": [alert["id"] for alert in alerts],
        "incident_content": {"title": TITLE, "incident_type": INCIDENT_TYPE},
    }
    answer = api.call("POST", "alerts/batch-order", order)["data"]
    incident_id = str(answer["results"][0]["incident_id"])
    _step(f"3. These {len(alerts)} alerts become one incident", "POST …/soc/alerts/batch-order   signed by access key")
    click.echo(f"   request  {_shortened(order)}")
    click.echo(f"   answer   success_ids: {len(answer['success_ids'])}, error_ids: {len(answer['error_ids'])}, "
               f"every result names incident {incident_id}")  # fmt: skip

    _show_incident(api.call("GET", f"incidents/{incident_id}")["data"]["data_object"])
    _show_audit(url, incident_id, order["ids"][0])
    return {
        "alerts": taken["new"],
        "converted": len(answer["success_ids"]),
        "incident_id": incident_id,
        "incident_title": TITLE,
    }


def _show_incident(incident: dict[str, Any]) -> None:
    _step("4. The incident, with the evidence of all its alerts", f"GET …/soc/incidents/{incident['id']}")
    click.echo(f"   {visible(incident['title'])}   [{incident['severity']}, {incident['handle_status']}]")
    click.echo(f"   seen     {incident['first_observed_time']}  to  {incident['last_observed_time']}")
    flows = [f"{flow['src_ip']} -> {flow['dest_ip']}:{flow.get('dest_port', '')}" for flow in incident["network_list"]]
    distinct = list(dict.fromkeys(flows))
    click.echo(f"   network  {len(flows)} connections: {'  '.join(distinct[:3])}  …")
    files = [one.get("file_path") or one.get("file_sha256", "") for one in incident.get("file_info", [])]
    if files:
        click.echo(f"   files    {visible('  '.join(files))}")
    click.echo(f"   alerts   {len(incident['alert_list'])}, each closed with a comment that names this incident")


def _show_audit(url: str, incident_id: str, alert_id: str) -> None:
    _step("5. Who did what", "tocsin audit --object ID")
    for object_id in (incident_id, alert_id):
        rows = json.loads(_tocsin("audit", "--object", object_id, "--database", url, "--json"))
        for row in rows[:AUDIT_SHOWN]:
            changes = ", ".join(f"{field} {_pair(*pair)}" for field, pair in row["changes"].items())
            at = f"{row['time'][11:19]}{row['time'][23:]}"
            click.echo(f"   {at}  {row['user']}  {row['operation']}  {row['object_class']} {object_id}")
            click.echo(f"                   {visible(_cut(changes))}")


def _cut(text: str, length: int = 120) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _pair(before: object, after: object) -> str:
    return f"{after}" if before is None else f"{before} -> {after}"


def _shortened(order: dict[str, Any]) -> str:
    ids = order["ids"]
    return json.dumps({**order, "ids": [ids[0], f"… {len(ids) - 1} more"]}, ensure_ascii=False)


def _step(title: str, how: str) -> None:
    click.echo(f"\n{click.style(title, bold=True)}\n   {click.style(how, dim=True)}")


def _invite(server: str, desk: Setup) -> None:
    """Ready to paste: the same question by curl with a token, and by the Python SDK with the access key."""
    _step("The server stays until you press Ctrl-C", server)
    login = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": {
                        "name": desk.user_name,
                        "password": desk.password,
                        "domain": {"name": desk.domain_name},
                    }
                },
            },
            "scope": {"project": {"id": desk.project_id}},
        }
    }
    base = f"{server}/v1/{desk.project_id}/workspaces/{desk.workspace_id}/soc"
    click.echo(f"""
# curl, in another terminal
TOKEN=$(curl -si {server}/v3/auth/tokens -d '{json.dumps(login)}' \\
  | tr -d '\\r' | sed -n 's/^x-subject-token: //Ip')
curl -s {base}/incidents/search -H "X-Auth-Token: $TOKEN" -d '{{"limit": 1}}'

# Python: pip install huaweicloudsdksecmaster
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdksecmaster.v1 import DataobjectSearch, ListIncidentsRequest, SecMasterClient
client = (SecMasterClient.new_builder()
    .with_credentials(BasicCredentials("{desk.access_key}", "{desk.secret_key}", "{desk.project_id}"))
    .with_endpoint("{server}").build())
print(client.list_incidents(ListIncidentsRequest(
    workspace_id="{desk.workspace_id}", body=DataobjectSearch(limit=1))))
""")


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("\nStopping the server and removing the scratch database.")


def _tocsin(*arguments: str) -> bytes:
    """Run a command of ours. Raises SetupError with its message when it fails."""
    done = subprocess.run([*_program(), *arguments], capture_output=True, check=False)  # noqa: S603  # ourselves
    if done.returncode:
        raise SetupError(f"`tocsin {' '.join(arguments)}` failed: {done.stderr.decode().strip()}")
    return done.stdout


def _program() -> Sequence[str]:
    return (sys.executable, "-m", "tocsin")


@contextmanager
def _server(url: str, port: int) -> Iterator[str]:
    """`tocsin serve` in a process of its own; yields its base URL."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603  # ourselves
            [*_program(), "serve", "--database", url, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C on the terminal is for the demo, which then stops the server
        )
        try:
            line = process.stdout.readline().decode() if process.stdout else ""
            if not line:
                process.wait(START_PATIENCE_S)
                log.seek(0)
                raise SetupError(f"the server did not start: {log.read().decode().strip()}")
            yield line.split()[-1]
        finally:
            process.terminate()
            process.wait(START_PATIENCE_S)
            if process.stdout:
                process.stdout.close()


class _Api:
    """Signed calls below the demo's workspace."""

    def __init__(self, server: str, desk: Setup) -> None:
        self._host = urlsplit(server).netloc
        self._base = f"/v1/{desk.project_id}/workspaces/{desk.workspace_id}/soc/"
        self._access = desk.access_key or ""
        self._secret = desk.secret_key or ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded answer. Raises SetupError unless it is 200."""
        content = json.dumps(body).encode() if body is not None else b""
        headers = sign(
            method=method,
            host=self._host,
            path=self._base + path,
            query="",
            headers={"Content-Type": "application/json"},
            body=content,
            access=self._access,
            secret=self._secret,
            date=sdk_date(now_ms()),
        )
        connection = http.client.HTTPConnection(self._host, timeout=START_PATIENCE_S)
        try:
            connection.request(method, self._base + path, content, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise SetupError(f"{method} {path} was answered {response.status}: {text.decode()}")
        return json.loads(text)
