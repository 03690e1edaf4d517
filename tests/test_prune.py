"""`tocsin prune` removes for good what is old, all of what hangs together or nothing of it."""

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from commands import printed, query, refusal, shown, tocsin
from support import Client, TestDesk, serving
from test_storage import TENANT
from tocsin.clock import now_ms
from tocsin.storage.queries import load_queries

DAY_MS = 86_400_000
OLD_MS = now_ms() - 100 * DAY_MS
BOTH = ("--older-than", "90d", "--alerts", "--incidents")


def age(desk: TestDesk, ids: Iterable[str], *, at_ms: int = OLD_MS) -> None:
    """Make objects look as if nobody had touched them since."""
    query(
        desk,
        "UPDATE data_objects SET create_time = ?1, update_time = ?1, deleted_time = CASE WHEN deleted_time IS NULL THEN"
        " NULL ELSE ?1 END WHERE id IN (SELECT value FROM json_each(?2))",
        at_ms,
        json.dumps(list(ids)),
    )


def age_everything(desk: TestDesk) -> None:
    age(desk, stored(desk))
    for table in ("conversions", "relations", "requests"):
        query(desk, f"UPDATE {table} SET create_time = ?", OLD_MS)
    query(desk, "UPDATE audit SET time = ? WHERE operation <> 'prune'", OLD_MS)


def stored(desk: TestDesk, table: str = "data_objects") -> set[str]:
    return {row[0] for row in query(desk, f"SELECT id FROM {table}")}


# What must never be found. Each search names every table's workspace, as a statement of the program would.
BROKEN = {
    "a relation without an end": """
        SELECT 1 FROM relations AS r
        WHERE NOT EXISTS (SELECT 1 FROM data_objects AS o WHERE o.workspace_id = r.workspace_id
                          AND o.dataclass = r.from_class AND o.id = r.from_id)
        OR NOT EXISTS (SELECT 1 FROM data_objects AS o WHERE o.workspace_id = r.workspace_id
                       AND o.dataclass = r.to_class AND o.id = r.to_id)""",
    "an alert whose incident is gone": """
        SELECT 1 FROM data_objects AS a WHERE a.incident_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM data_objects AS i WHERE i.workspace_id = a.workspace_id
                        AND i.dataclass = 'incidents' AND i.id = a.incident_id)""",
    "a conversion without its incident": """
        SELECT 1 FROM conversions AS c, json_each(c.incident_ids) AS j
        WHERE NOT EXISTS (SELECT 1 FROM data_objects AS i WHERE i.workspace_id = c.workspace_id
                          AND i.dataclass = 'incidents' AND i.id = j.value)""",
    "a conversion without its alert": """
        SELECT 1 FROM conversions AS c, json_each(c.alerts) AS j
        WHERE NOT EXISTS (SELECT 1 FROM data_objects AS a WHERE a.workspace_id = c.workspace_id
                          AND a.dataclass = 'alerts' AND a.id = j.value ->> 'alert_id')""",
    "an alert whose conversion does not stand": """
        SELECT 1 FROM data_objects AS a WHERE a.incident_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM relations AS r WHERE r.workspace_id = a.workspace_id
                        AND r.from_class = 'alerts' AND r.from_id = a.id AND r.to_id = a.incident_id
                        AND r.conversion_id IS NOT NULL AND r.deleted_time IS NULL)""",
}


def in_order(desk: TestDesk) -> None:
    """Nothing points at something that is gone."""
    for what, search in BROKEN.items():
        assert query(desk, search) == [], what
    assert query(desk, "PRAGMA foreign_key_check") == []
    assert query(desk, "PRAGMA integrity_check") == [("ok",)]


def pruned(desk: TestDesk, *arguments: str) -> dict[str, Any]:
    """What a run does to the first workspace: what the dry run before it said, and all is in order after it."""
    first = shown(desk, "prune", *arguments)
    assert (first["dry_run"], first["stopped"]) == (True, False)
    report = shown(desk, "prune", *arguments, "--yes")
    in_order(desk)
    for said, done in zip(first["workspaces"], report["workspaces"], strict=True):
        goes_along = {"relations", "source_events", "notes"}
        removed = [{name: n for name, n in one["removed"].items() if name not in goes_along} for one in (said, done)]
        assert removed[0] == removed[1]
        assert said["kept"] == done["kept"]
    assert first["tokens"] == report["tokens"]
    return dict(report["workspaces"][0])


# What goes, and what stays.


def test_without_yes_nothing_is_removed_and_it_says_how(desk: TestDesk, client: Client) -> None:
    ids = {client.create_alert() for _ in range(3)}
    age_everything(desk)
    text = printed(desk, "prune", *BOTH)
    assert re.search(r"alerts +3  would go", text)
    assert "--yes" in text
    assert stored(desk) == ids
    assert query(desk, "SELECT 1 FROM audit WHERE operation = 'prune'") == []
    assert re.search(r"alerts +3  removed", printed(desk, "prune", *BOTH, "--yes"))
    assert stored(desk) == set()


def test_old_objects_go_with_relations_and_source_events_and_younger_ones_stay(desk: TestDesk, tmp_path: Path) -> None:
    log = tmp_path / "eve.json"
    event = {"event_type": "alert", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "proto": "TCP"}
    lines = [
        {**event, "timestamp": f"2026-03-02T08:41:0{n}.000000+0000", "flow_id": n,
         "alert": {"signature": f"s{n}", "signature_id": n, "severity": 2}}
        for n in range(4)
    ]  # fmt: skip
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert shown(desk, "ingest", "suricata", str(log))["new"] == 4
    ids = sorted(stored(desk))
    for pair in (ids[0:2], ids[1:3]):
        query(
            desk,
            "INSERT INTO relations SELECT workspace_id, 'alerts', ?, 'alerts', ?, NULL, 0, 'u', 1, NULL"
            " FROM data_objects LIMIT 1",
            *pair,
        )
    age(desk, ids[:2])
    one = pruned(desk, "--older-than", "90d", "--alerts")
    assert one["removed"] == {"relations": 2, "source_events": 2, "alerts": 2}
    assert stored(desk) == set(ids[2:])
    assert len(query(desk, "SELECT 1 FROM source_events")) == 2


def test_notes_go_with_their_object(desk: TestDesk, client: Client) -> None:
    old, young = client.create_alert(), client.create_alert()
    for one in (old, young):
        query(
            desk,
            "INSERT INTO notes (workspace_id, id, war_room_id, type, note_type, content, creator_id, creator_name,"
            " create_time, update_time) VALUES (?, 'n' || ?2, ?2, 't', 't', 'c', 'u', 'u', 1, 1)",
            desk.made.workspace_id,
            one,
        )
    age(desk, [old])
    assert pruned(desk, *BOTH)["removed"] == {"alerts": 1, "notes": 1}
    assert query(desk, "SELECT war_room_id FROM notes") == [(young,)]


def test_the_age_is_that_of_the_last_change_or_of_the_deletion(desk: TestDesk, client: Client) -> None:
    _, changed, deleted, long_deleted = (client.create_alert() for _ in range(4))
    client.delete("alerts", {"batch_ids": [long_deleted]})
    age_everything(desk)
    assert client.put(f"alerts/{changed}", {"data_object": {"title": "news"}}).status_code == 200
    assert client.delete("alerts", {"batch_ids": [deleted]}).status_code == 200
    assert pruned(desk, *BOTH)["removed"]["alerts"] == 2
    assert stored(desk) == {changed, deleted}


@pytest.mark.parametrize(
    ("younger", "kept"), [("alert", {"alerts": 2, "incidents": 1}), ("incident", {"alerts": 3}), ("nothing", {})]
)
def test_a_conversion_goes_as_a_whole_or_not_at_all(
    younger: str, kept: dict[str, int], desk: TestDesk, client: Client
) -> None:
    ids = [client.create_alert() for _ in range(3)]
    incident = client.order(ids)["results"][0]["incident_id"]
    client.create_alert()
    age_everything(desk)
    age(desk, {"alert": ids[:1], "incident": [incident], "nothing": []}[younger], at_ms=now_ms())
    one = pruned(desk, *BOTH)
    assert one["kept"] == kept
    if kept:
        assert one["removed"] == {"alerts": 1}
        assert stored(desk) == {*ids, incident}
    else:
        assert one["removed"] == {"relations": 3, "conversions": 1, "alerts": 4, "incidents": 1}
        assert stored(desk) == stored(desk, "conversions") == set()


@pytest.mark.parametrize(("asked", "kept"), [("alerts", 2), ("incidents", 1)])
def test_half_of_a_conversion_is_kept_when_only_half_is_asked_for(
    asked: str, kept: int, desk: TestDesk, client: Client
) -> None:
    ids = [client.create_alert() for _ in range(2)]
    incident = client.order(ids)["results"][0]["incident_id"]
    age_everything(desk)
    one = pruned(desk, "--older-than", "90d", f"--{asked}")
    assert (one["removed"], one["kept"]) == ({}, {asked: kept})
    assert stored(desk) == {*ids, incident}
    assert "part of a conversion" in printed(desk, "prune", "--older-than", "90d", f"--{asked}")


def test_conversions_that_share_an_incident_go_together(desk: TestDesk, client: Client) -> None:
    first, later = client.create_alert(), client.create_alert()
    incident = client.order([first])["results"][0]["incident_id"]
    client.order([later], incident_id=incident)
    age_everything(desk)
    age(desk, [later], at_ms=now_ms())
    assert pruned(desk, *BOTH)["kept"] == {"alerts": 1, "incidents": 1}
    assert stored(desk) == {first, later, incident}
    age(desk, [later])
    assert pruned(desk, *BOTH)["removed"] == {"relations": 2, "conversions": 2, "alerts": 2, "incidents": 1}


def end_conversion(desk: TestDesk, alert_id: str) -> None:
    """As when the alert's relations were deleted and then made again by hand: they name no conversion any more."""
    query(desk, "UPDATE relations SET deleted_time = 1, conversion_id = NULL WHERE from_id = ?", alert_id)
    query(desk, "UPDATE data_objects SET incident_id = NULL WHERE id = ?", alert_id)


def test_a_conversion_whose_relation_a_later_one_took_over_still_counts(desk: TestDesk, client: Client) -> None:
    one, other, lone = (client.create_alert() for _ in range(3))
    incident = client.order([one, other])["results"][0]["incident_id"]
    client.order([lone])
    end_conversion(desk, one)
    end_conversion(desk, lone)
    client.order([one], incident_id=incident)
    age_everything(desk)
    age(desk, [other], at_ms=now_ms())
    assert pruned(desk, *BOTH)["removed"] == {"relations": 1, "conversions": 1, "alerts": 1, "incidents": 1}
    assert stored(desk) == {one, other, incident}
    age_everything(desk)
    assert pruned(desk, *BOTH)["removed"]["conversions"] == 2
    assert stored(desk) == stored(desk, "conversions") == set()


def test_a_deleted_incident_and_its_former_alerts_go_together(desk: TestDesk, client: Client) -> None:
    one = client.create_alert()
    incident = client.order([one])["results"][0]["incident_id"]
    query(desk, "UPDATE relations SET deleted_time = 1")
    query(desk, "UPDATE data_objects SET incident_id = NULL")
    query(desk, "UPDATE data_objects SET deleted_time = ? WHERE id = ?", now_ms(), incident)
    query(desk, "UPDATE conversions SET create_time = ?", OLD_MS)
    age(desk, [one])
    assert pruned(desk, *BOTH)["kept"] == {"alerts": 1}
    age_everything(desk)
    assert pruned(desk, *BOTH)["removed"]["incidents"] == 1
    assert stored(desk) == set()


def hang_together(desk: TestDesk) -> list[set[str]]:
    """The expected groups, from the conversions' own records."""
    groups: list[set[str]] = []
    for alerts, incidents in query(desk, "SELECT alerts, incident_ids FROM conversions"):
        members = {one["alert_id"] for one in json.loads(alerts)} | set(json.loads(incidents))
        for other in [group for group in groups if group & members]:
            groups.remove(other)
            members |= other
        groups.append(members)
    return groups


@pytest.mark.parametrize("seed", range(4))
def test_any_mix_of_conversions_stays_whole(seed: int, desk: TestDesk) -> None:
    chance = random.Random(seed)
    shape = "each" if seed % 2 else "one"
    with serving(desk, conversion_allow_again=True, conversion_shape=shape) as base, Client(base, desk) as client:
        alerts = [client.create_alert() for _ in range(40)]
        incidents: list[str] = []
        for _ in range(16):
            ids = chance.sample(alerts, chance.randint(1, 3))
            join = {"incident_id": chance.choice(incidents)} if incidents and chance.random() < 0.3 else {}
            made = client.order(ids, **join)
            incidents += [one["incident_id"] for one in made["results"]]
            if chance.random() < 0.25:
                end_conversion(desk, ids[0])
    in_order(desk)
    age_everything(desk)
    everything = stored(desk)
    young = set(chance.sample(sorted(everything), 3))
    age(desk, young, at_ms=now_ms())
    kept = young.union(*(group for group in hang_together(desk) if group & young))
    one = pruned(desk, *BOTH)
    assert stored(desk) == kept
    assert one["removed"]["alerts"] + one["removed"]["incidents"] == len(everything - kept)
    assert sum(one["kept"].values()) == len(kept - young)
    assert pruned(desk, *BOTH)["removed"] == {}


# The rest.


def test_answers_and_expired_tokens_always_go_and_the_audit_when_asked(desk: TestDesk, client: Client) -> None:
    user = {"name": "admin", "password": desk.made.password, "domain": {"name": desk.made.domain_name}}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    for _ in range(2):
        assert client.http.post("/v3/auth/tokens", json=login).status_code == 201
    query(desk, "UPDATE tokens SET expire_time = 1 WHERE rowid = (SELECT min(rowid) FROM tokens)")
    body = {"data_object": {"title": "An alert"}}
    client.post("alerts", body, headers={"X-Idempotency-Key": "old"})
    age_everything(desk)
    client.post("alerts", body, headers={"X-Idempotency-Key": "new"})
    query(
        desk,
        "INSERT INTO requests SELECT workspace_id, user_id, operation, 'older', body_hash, 5, status, answer FROM requests LIMIT 1",
    )
    assert pruned(desk, "--older-than", "90d")["removed"] == {"answers": 1}
    assert query(desk, "SELECT idempotency_key FROM requests") == [("new",)]
    assert len(query(desk, "SELECT 1 FROM tokens")) == 1
    assert len(query(desk, "SELECT 1 FROM audit")) == 3
    assert len(stored(desk)) == 2
    assert pruned(desk, "--older-than", "90d", "--audit")["removed"] == {"audit": 1}


def test_an_answer_that_a_client_may_still_ask_for_stays_whatever_the_age(desk: TestDesk, client: Client) -> None:
    client.post("alerts", {"data_object": {"title": "An alert"}}, headers={"X-Idempotency-Key": "k"})
    query(desk, "UPDATE requests SET create_time = create_time - 7200000")
    assert pruned(desk, "--older-than", "1h")["removed"] == {}


def test_indicators_go_when_asked(desk: TestDesk) -> None:
    query(
        desk,
        "INSERT INTO data_objects (workspace_id, dataclass, id, origin, version, create_time, update_time,"
        " handle_status, title, document) VALUES (?, 'indicators', 'i', 'MANUAL', 1, 1, 1, 'Open', 't', '{}')",
        desk.made.workspace_id,
    )
    assert pruned(desk, *BOTH)["removed"] == {}
    assert pruned(desk, "--older-than", "90d", "--indicators")["removed"] == {"indicators": 1}


def test_only_the_named_workspace_is_pruned(desk: TestDesk, client: Client, connect: Callable[..., Client]) -> None:
    other = desk.add_workspace("other")
    here, _ = client.create_alert(), connect(workspace_id=other).create_alert()
    age_everything(desk)
    report = shown(desk, "prune", *BOTH, "--workspace", other, "--yes")
    assert [one["workspace_id"] for one in report["workspaces"]] == [other]
    assert stored(desk) == {here}
    assert other in refusal(desk, "prune", *BOTH, "--workspace", "nowhere", "--yes")


def test_a_workspace_deleted_long_ago_goes_with_everything_when_asked(
    desk: TestDesk, client: Client, connect: Callable[..., Client]
) -> None:
    here = client.create_alert()
    other = desk.add_workspace("other")
    theirs = connect(workspace_id=other)
    theirs.order([theirs.create_alert() for _ in range(3)])
    theirs.post("alerts", {"data_object": {"title": "An alert"}}, headers={"X-Idempotency-Key": "k"})
    shown(desk, "workspace", "delete", other, "--yes")
    everything = ("--older-than", "90d", "--all")
    assert [one["removed"] for one in shown(desk, "prune", *everything)["workspaces"]] == [{}, {}]
    query(desk, "UPDATE workspaces SET deleted_time = ? WHERE id = ?", OLD_MS, other)
    assert [one["removed"] for one in shown(desk, "prune", *BOTH)["workspaces"]] == [{}, {}]
    would = shown(desk, "prune", *everything)["workspaces"][1]
    assert "the workspace itself" in printed(desk, "prune", *everything)
    done = shown(desk, "prune", *everything, "--yes")["workspaces"][1]
    assert would == done
    assert {name: done["removed"][name] for name in ("workspaces", "relations", "conversions", "objects")} == {
        "workspaces": 1, "relations": 3, "conversions": 1, "objects": 5,
    }  # fmt: skip
    in_order(desk)
    for table in TENANT:
        assert query(desk, f"SELECT 1 FROM {table} WHERE workspace_id = ?", other) == [], table
    assert stored(desk) == {here}
    assert other not in stored(desk, "workspaces")
    [row] = query(desk, "SELECT object_class, object_id, changes FROM admin_audit WHERE operation = 'prune'")
    assert row[:2] == ("workspaces", other)
    assert json.loads(row[2])["objects removed"] == [None, 5]


def test_every_table_of_a_workspace_goes_with_it() -> None:
    source = "\n".join(one.text("sqlite") for one in load_queries("tocsin.retention"))
    assert [one for one in TENANT if not re.search(rf"DELETE FROM {one}\b", source)] == []


# The run itself.


def test_a_run_leaves_one_audit_row_with_what_it_removed(desk: TestDesk, client: Client) -> None:
    client.order([client.create_alert() for _ in range(3)])
    age_everything(desk)
    one = pruned(desk, *BOTH)
    [row] = [row for row in shown(desk, "audit") if row["operation"] == "prune"]
    assert row["user"].startswith("local:")
    assert (row["object_class"], row["object_id"]) == ("workspaces", desk.made.workspace_id)
    assert row["changes"] == {f"{name} removed": [None, number] for name, number in one["removed"].items()}
    pruned(desk, *BOTH)
    assert len([row for row in shown(desk, "audit") if row["operation"] == "prune"]) == 1


def fill(desk: TestDesk, alerts: int, conversions: int, *, per: int = 4) -> None:
    """Old alerts, and old conversions of `per` alerts each, written without the API."""
    workspace = desk.made.workspace_id
    numbers = "WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g) "
    row = (
        "INSERT INTO data_objects (workspace_id, dataclass, id, origin, version, create_time, update_time,"
        " handle_status, title, document, incident_id) SELECT ?1, ?2, printf(?3, n), 'MANUAL', 1, 5, 5, 'Open', 't',"
        " '{}', CASE WHEN ?4 > 0 THEN printf('i%08d', n / ?4) END FROM g LIMIT ?5"
    )
    for dataclass, form, each, count in (
        ("alerts", "z%08d", 0, alerts),
        ("alerts", "a%08d", per, conversions * per),
        ("incidents", "i%08d", 0, conversions),
    ):
        query(desk, numbers + row, workspace, dataclass, form, each, count)
    query(
        desk,
        numbers + "INSERT INTO conversions SELECT ?1, printf('c%08d', n), 5, 'u', 'u', 'r', 'one',"
        " json_array(printf('i%08d', n)), 1, (SELECT json_group_array(json_object('alert_id',"
        " printf('a%08d', n * ?2 + p.value), 'incident_id', printf('i%08d', n))) FROM json_each(?3) AS p)"
        " FROM g LIMIT ?4",
        workspace, per, json.dumps(list(range(per))), conversions,
    )  # fmt: skip
    query(
        desk,
        numbers + "INSERT INTO relations SELECT ?1, 'alerts', printf('a%08d', n), 'incidents',"
        " printf('i%08d', n / ?2), printf('c%08d', n / ?2), 0, 'u', 5, NULL FROM g LIMIT ?3",
        workspace, per, conversions * per,
    )  # fmt: skip


def start(desk: TestDesk, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tocsin", "prune", *arguments, "--json", "--database", desk.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def count(desk: TestDesk) -> int:
    return int(query(desk, "SELECT count(*) FROM data_objects")[0][0])


def test_more_than_a_portion_goes(desk: TestDesk) -> None:
    fill(desk, 2600, 300)
    in_order(desk)
    assert pruned(desk, *BOTH)["removed"] == {"relations": 1200, "conversions": 300, "alerts": 3800, "incidents": 300}
    assert stored(desk) == set()


def test_what_hangs_together_goes_at_once_even_if_it_is_more_than_a_portion(desk: TestDesk) -> None:
    fill(desk, 0, 2, per=900)
    assert pruned(desk, *BOTH)["removed"]["alerts"] == 1800


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_at_any_moment_it_leaves_whole_portions_and_a_true_audit(number: int, desk: TestDesk) -> None:
    fill(desk, 20_000, 1500)
    before = count(desk)
    process = start(desk, *BOTH, "--yes")
    try:
        deadline = time.monotonic() + 120
        while count(desk) == before:
            assert time.monotonic() < deadline, "nothing was removed"
            time.sleep(0.01)
        process.send_signal(number)
        out, log = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), log
    in_order(desk)
    gone = before - count(desk)
    assert 0 < gone < before
    [(changes,)] = query(desk, "SELECT changes FROM audit WHERE operation = 'prune'")
    told = {name.removesuffix(" removed"): removed for name, (_, removed) in json.loads(changes).items()}
    assert told.get("alerts", 0) + told.get("incidents", 0) == gone
    if out:
        report = json.loads(out)
        assert report["stopped"] is True
        assert report["workspaces"][0]["removed"] == told
    assert shown(desk, "prune", *BOTH, "--yes")["stopped"] is False
    assert stored(desk) == set()


def test_a_server_goes_on_serving_meanwhile(desk: TestDesk, client: Client) -> None:
    fill(desk, 12_000, 600)
    process = start(desk, *BOTH, "--yes")
    made: list[str] = []
    while process.poll() is None:
        made += [client.create_alert(), client.create_alert()]
        if len(made) % 4 == 0:
            client.order(made[-4:])
    out, log = process.communicate()
    assert (process.returncode, log) == (0, "")
    assert json.loads(out)["workspaces"][0]["removed"]["alerts"] == 14_400
    in_order(desk)
    found = {row[0] for row in query(desk, "SELECT id FROM data_objects WHERE dataclass = 'alerts'")}
    assert found == set(made)
    assert made


def test_a_conversion_that_gets_younger_meanwhile_is_kept(desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert() for _ in range(30)]
    for one in ids:
        client.order([one])
    age_everything(desk)
    change = {"data_object": {"title": "still at work"}}
    stop = threading.Event()

    def touch() -> None:
        while not stop.is_set():
            for one in ids[:10]:
                client.put(f"alerts/{one}", change)

    assert client.put(f"alerts/{ids[0]}", change).status_code == 200
    worker = threading.Thread(target=touch)
    worker.start()
    try:
        shown(desk, "prune", *BOTH, "--yes")
    finally:
        stop.set()
        worker.join()
    in_order(desk)
    assert ids[0] in stored(desk)
    assert not set(ids[10:]) & stored(desk)


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5d", "90 d", "90days", "1e9d", "999999d", "١d"])
def test_an_age_that_is_none_is_refused(text: str, desk: TestDesk) -> None:
    assert "--older-than" in refusal(desk, "prune", "--older-than", text, "--all", "--yes")


def test_an_age_must_be_given() -> None:
    done = tocsin("prune", "--all", "--yes")
    assert (done.status, done.out) == (2, "")
    assert "--older-than" in done.log
