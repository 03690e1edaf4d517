"""Identity: tokens, projects, account and users, as SDKs, Terraform and curl users ask for them.

Source: IAM API reference (tokens, projects, domains, users); recordings of the clients.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import PASSWORD, Client, Key, TestDesk, serving
from tocsin.errors import LoginFailed
from tocsin.identity.records import Role
from tocsin.identity.signing import sdk_date, sign
from tocsin.identity.throttle import (
    FIRST_DELAY_S,
    FORGET_AFTER_S,
    FREE_FAILURES,
    LONGEST_DELAY_S,
    LONGEST_WAIT_S,
    REMEMBERED,
    LoginThrottle,
)

UNKNOWN_PROJECT = "0123456789abcdef0123456789abcdef"
IAM_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
DAY = timedelta(hours=24)


class Clock:
    """The server's clock; tests move it."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


class Iam:
    """A curl user: logs in and sends tokens."""

    def __init__(self, base: str, desk: TestDesk, local_address: str | None = None) -> None:
        self.desk = desk
        self.http = httpx.Client(
            base_url=base, timeout=60, trust_env=False, transport=httpx.HTTPTransport(local_address=local_address)
        )

    def post(self, auth: Any, query: str = "") -> httpx.Response:
        return self.http.post(f"/v3/auth/tokens{query}", json={"auth": auth})

    def by_password(
        self, name: str = "olga", password: str = PASSWORD, *, scope: Any = None, user: Any = None
    ) -> httpx.Response:
        """Log in by name and domain name, unless `user` says otherwise."""
        who = user or {"name": name, "domain": {"name": self.desk.made.domain_name}}
        identity = {"methods": ["password"], "password": {"user": {**who, "password": password}}}
        return self.post({"identity": identity, **({"scope": scope} if scope else {})})

    def token(self, name: str = "olga", project_id: str | None = None) -> str:
        """A token for a project, the first one unless named."""
        answer = self.by_password(name, scope={"project": {"id": project_id or self.desk.made.project_id}})
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def get(self, path: str, token: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        return self.http.request(method, path, headers={"X-Auth-Token": token, **headers})

    def check(self, subject: str, token: str | None = None, method: str = "GET") -> httpx.Response:
        return self.get("/v3/auth/tokens", token or subject, method=method, **{"X-Subject-Token": subject})

    def search(self, token: str, project_id: str | None = None, workspace_id: str | None = None) -> httpx.Response:
        """A call of the objects' part, such as a token is for."""
        project = project_id or self.desk.made.project_id
        workspace = workspace_id or self.desk.made.workspace_id
        path = f"/v1/{project}/workspaces/{workspace}/soc/alerts/search"
        return self.http.post(path, json={}, headers={"X-Auth-Token": token})


@contextmanager
def visiting(base: str, desk: TestDesk, local_address: str | None = None) -> Iterator[Iam]:
    iam = Iam(base, desk, local_address)
    with iam.http:
        yield iam


@pytest.fixture
def olga(desk: TestDesk) -> Key:
    """An operator of the first project, with PASSWORD and an access key."""
    return desk.add_user("olga", Role.OPERATOR)


@pytest.fixture
def iam(desk: TestDesk, base: str, olga: Key) -> Iterator[Iam]:
    with visiting(base, desk) as one:
        yield one


@pytest.fixture
def account(desk: TestDesk) -> dict[str, str]:
    """Id and name of the account, as they are stored."""
    with closing(sqlite3.connect(desk.path)) as connection:
        (row,) = connection.execute("SELECT id, name FROM domains").fetchall()
    return {"id": row[0], "name": row[1]}


def assert_keystone_error(answer: httpx.Response, status: int, message: str = "") -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == status
    assert error["title"] == httpx.codes.get_reason_phrase(status)
    assert message in error["message"]
    assert "X-Subject-Token" not in answer.headers


class TestLogin:
    def test_by_name_and_account_name(self, iam: Iam, account: dict[str, str]) -> None:
        answer = iam.by_password(scope={"project": {"id": iam.desk.made.project_id}})
        assert answer.status_code == 201
        subject = answer.headers["X-Subject-Token"]
        assert re.fullmatch(r"MII[A-Za-z0-9_-]{40,}", subject)
        token = answer.json()["token"]
        assert token["methods"] == ["password"]
        assert token["catalog"] == []
        assert (token["user"]["name"], token["user"]["domain"]) == ("olga", account)
        assert token["user"]["password_expires_at"] == ""
        project = {"id": iam.desk.made.project_id, "name": iam.desk.made.project_name, "domain": account}
        assert token["project"] == project
        assert "domain" not in token
        assert token["roles"] == [{"id": "operator", "name": "operator"}]
        assert iam.search(subject).status_code == 200

    def test_by_name_and_account_id(self, iam: Iam, account: dict[str, str]) -> None:
        answer = iam.by_password(user={"name": "olga", "domain": {"id": account["id"]}})
        assert answer.status_code == 201
        assert answer.json()["token"]["user"]["name"] == "olga"

    def test_by_user_id(self, iam: Iam) -> None:
        user_id = iam.by_password().json()["token"]["user"]["id"]
        answer = iam.by_password(user={"id": user_id})
        assert answer.status_code == 201
        assert answer.json()["token"]["user"]["id"] == user_id

    def test_by_the_password_that_init_printed(self, iam: Iam) -> None:
        made = iam.desk.made
        answer = iam.by_password(made.user_name, made.password or "", scope={"project": {"name": made.project_name}})
        assert answer.status_code == 201
        assert answer.json()["token"]["roles"] == [{"id": "administrator", "name": "administrator"}]

    def test_by_another_token_to_change_the_scope(self, iam: Iam) -> None:
        unscoped = iam.by_password().headers["X-Subject-Token"]
        assert iam.search(unscoped).status_code == 403
        identity = {"methods": ["token"], "token": {"id": unscoped}}
        answer = iam.post({"identity": identity, "scope": {"project": {"id": iam.desk.made.project_id}}})
        assert answer.status_code == 201
        assert answer.json()["token"]["methods"] == ["token"]
        assert iam.search(answer.headers["X-Subject-Token"]).status_code == 200
        assert iam.check(unscoped).status_code == 200

    def test_by_access_key_and_secret_key(self, iam: Iam, olga: Key) -> None:
        keys = {"access": {"key": olga.access}, "secret": {"key": olga.secret}}
        scope = {"project": {"id": iam.desk.made.project_id}}
        answer = iam.post({"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": keys}, "scope": scope})
        assert answer.status_code == 201
        assert answer.json()["token"]["user"]["name"] == "olga"
        assert iam.search(answer.headers["X-Subject-Token"]).status_code == 200

    @pytest.mark.parametrize("query", ["?nocatalog", "?nocatalog=true", "?nocatalog=yes", ""])
    def test_without_the_catalogue(self, iam: Iam, query: str) -> None:
        user = {"name": "olga", "password": PASSWORD, "domain": {"name": iam.desk.made.domain_name}}
        answer = iam.post({"identity": {"methods": ["password"], "password": {"user": user}}}, query)
        assert answer.status_code == 201
        assert answer.json()["token"]["catalog"] == []

    def test_a_new_token_does_not_end_an_earlier_one(self, iam: Iam) -> None:
        first, second = iam.token(), iam.token()
        assert first != second
        assert iam.search(first).status_code == iam.search(second).status_code == 200

    def test_a_new_password_ends_the_tokens_of_the_old_one(self, iam: Iam) -> None:
        token = iam.token()
        changed = "another password 1"
        command = [sys.executable, "-m", "tocsin", "user", "password", "olga", "--database", iam.desk.url]
        subprocess.run(command, input=f"{changed}\n", text=True, check=True, capture_output=True)
        assert iam.search(token).status_code == 401
        assert_keystone_error(iam.by_password(), 401)
        assert iam.by_password(password=changed).status_code == 201


class TestScope:
    def test_project_by_name(self, iam: Iam) -> None:
        token = iam.by_password(scope={"project": {"name": iam.desk.made.project_name}}).json()["token"]
        assert token["project"]["id"] == iam.desk.made.project_id

    def test_project_by_name_and_account(self, iam: Iam, account: dict[str, str]) -> None:
        for domain in ({"id": account["id"]}, {"name": account["name"]}):
            scope = {"project": {"name": iam.desk.made.project_name, "domain": domain}}
            answer = iam.by_password(scope=scope)
            assert answer.status_code == 201
            assert answer.json()["token"]["project"]["id"] == iam.desk.made.project_id

    def test_the_only_project_answers_to_every_region_name(self, iam: Iam) -> None:
        answer = iam.by_password(scope={"project": {"name": "cn-north-4"}})
        assert answer.json()["token"]["project"]["id"] == iam.desk.made.project_id
        assert iam.search(answer.headers["X-Subject-Token"]).status_code == 200

    def test_account(self, iam: Iam, account: dict[str, str]) -> None:
        for domain in ({"id": account["id"]}, {"name": account["name"]}):
            answer = iam.by_password(scope={"domain": domain})
            assert answer.status_code == 201
            token = answer.json()["token"]
            assert token["domain"] == account
            assert "project" not in token
            assert iam.search(answer.headers["X-Subject-Token"]).status_code == 403

    def test_none(self, iam: Iam) -> None:
        token = iam.by_password().json()["token"]
        assert "project" not in token
        assert "domain" not in token
        assert token["roles"] == []

    @pytest.mark.parametrize("scope", [{"project": {"id": UNKNOWN_PROJECT}}, {"domain": {"name": "nobody's"}}])
    def test_unknown(self, iam: Iam, scope: dict[str, Any]) -> None:
        answer = iam.by_password(scope=scope)
        assert answer.status_code in (403, 404)
        assert_keystone_error(answer, answer.status_code)

    def test_a_project_of_another_account_is_not_found_by_its_name(self, iam: Iam) -> None:
        scope = {"project": {"name": iam.desk.made.project_name, "domain": {"name": "nobody's"}}}
        answer = iam.by_password(scope=scope)
        assert answer.status_code in (403, 404)
        assert_keystone_error(answer, answer.status_code)

    def test_a_project_without_a_role_in_it(self, iam: Iam) -> None:
        other = iam.desk.add_project("other")
        assert_keystone_error(iam.by_password(scope={"project": {"id": other}}), 403)
        assert_keystone_error(iam.by_password(scope={"project": {"name": "other"}}), 403)

    def test_what_is_unknown_and_what_is_forbidden_look_the_same(self, iam: Iam) -> None:
        other = iam.desk.add_project("other")
        answers = [iam.by_password(scope={"project": {"id": one}}) for one in (other, UNKNOWN_PROJECT)]
        assert answers[0].json() == answers[1].json()


# Body -> what the refusal must name.
MALFORMED = {
    "": "body",
    "{": "body",
    "[]": "object",
    "{}": "auth",
    '{"auth": {}}': "identity",
    '{"auth": {"identity": {}}}': "methods",
    '{"auth": {"identity": {"methods": "password"}}}': "auth.identity.methods",
    '{"auth": {"identity": {"methods": []}}}': "auth.identity.methods",
    '{"auth": {"identity": {"methods": ["totp"]}}}': "auth.identity.methods",
    '{"auth": {"identity": {"methods": ["password"]}}}': "auth.identity.methods",
    '{"auth": {"identity": {"methods": ["password", "totp"]}}}': "auth.identity.methods",
    '{"auth": {"identity": {"methods": ["password"], "password": {}}}}': "user",
    '{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "olga"}}}}}': "password",
    '{"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": "p"}}}}}': "identity.password.user",
    '{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 5, "password": "p"}}}}}': "user.name",
    '{"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}}': "auth.identity.token.id",
}


class TestRefusedLogin:
    @pytest.mark.parametrize(
        "identity",
        [
            {
                "methods": ["password"],
                "password": {"user": {"name": "olga", "domain": {"name": "tocsin"}, "password": "no"}},
            },
            {
                "methods": ["password"],
                "password": {"user": {"name": "nobody", "domain": {"name": "tocsin"}, "password": "no"}},
            },
            {
                "methods": ["password"],
                "password": {"user": {"name": "olga", "domain": {"name": "other"}, "password": PASSWORD}},
            },
            {"methods": ["password"], "password": {"user": {"id": UNKNOWN_PROJECT, "password": PASSWORD}}},
            {"methods": ["token"], "token": {"id": "MIIunknown"}},
            {"methods": ["hw_ak_sk"], "hw_ak_sk": {"access": {"key": "NOBODYSACCESSKEY0000"}, "secret": {"key": "no"}}},
        ],
        ids=["wrong password", "unknown user", "wrong account", "unknown id", "unknown token", "unknown key"],
    )
    def test_wrong_credentials(self, iam: Iam, identity: dict[str, Any]) -> None:
        assert_keystone_error(iam.post({"identity": identity}), 401)

    def test_wrong_secret_key(self, iam: Iam, olga: Key) -> None:
        keys = {"access": {"key": olga.access}, "secret": {"key": "wrong"}}
        assert_keystone_error(iam.post({"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": keys}}), 401)

    def test_the_answer_does_not_say_whether_the_user_exists(self, iam: Iam) -> None:
        known, unknown = iam.by_password("olga", "wrong"), iam.by_password("nobody", "wrong")
        assert known.json() == unknown.json()

    def test_a_malformed_body_is_told_which_field_is_wrong(self, iam: Iam) -> None:
        for body, field in MALFORMED.items():
            answer = iam.http.post("/v3/auth/tokens", content=body)
            assert_keystone_error(answer, 400, field)

    def test_a_scope_without_id_and_name_is_malformed(self, iam: Iam) -> None:
        assert_keystone_error(iam.by_password(scope={"project": {"domain": {"id": "x"}}}), 400, "auth.scope.project")

    def test_nul_and_lone_surrogates_are_refused(self, iam: Iam) -> None:
        for text in (rb"a\u0000b", rb"a\ud800b"):
            user = b'{"name": "%s", "password": "p", "domain": {"name": "tocsin"}}' % text
            body = b'{"auth": {"identity": {"methods": ["password"], "password": {"user": %s}}}}' % user
            assert_keystone_error(iam.http.post("/v3/auth/tokens", content=body), 400)


class TestCheckingTokens:
    def test_tells_what_the_token_was_issued_with(self, iam: Iam) -> None:
        issued = iam.by_password(scope={"project": {"id": iam.desk.made.project_id}})
        subject = issued.headers["X-Subject-Token"]
        checked = iam.check(subject)
        assert checked.status_code == 200
        assert checked.json() == issued.json()
        assert checked.headers["X-Subject-Token"] == subject

    def test_with_another_token_or_a_signature(self, iam: Iam, client: Client) -> None:
        subject, caller = iam.token(), iam.by_password().headers["X-Subject-Token"]
        assert iam.check(subject, caller).json()["token"]["user"]["name"] == "olga"
        signed = client.get("/v3/auth/tokens", headers={"X-Subject-Token": subject})
        assert signed.status_code == 200
        assert signed.headers["X-Subject-Token"] == subject

    def test_by_head_gives_no_body(self, iam: Iam) -> None:
        subject = iam.token()
        answer = iam.check(subject, method="HEAD")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["X-Subject-Token"] == subject
        assert answer.headers["X-request-id"]

    def test_unknown_subject_is_not_found(self, iam: Iam) -> None:
        assert_keystone_error(iam.check("MIIunknown", iam.token()), 404)
        assert iam.check("MIIunknown", iam.token(), method="HEAD").status_code == 404

    def test_unknown_caller_is_refused_in_the_gateways_words(self, iam: Iam) -> None:
        answer = iam.check(iam.token(), "MIIunknown")
        assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
        assert "decrypt token fail" in answer.json()["error_msg"]

    def test_no_subject_is_malformed(self, iam: Iam) -> None:
        assert_keystone_error(iam.get("/v3/auth/tokens", iam.token()), 400, "X-Subject-Token")


@pytest.mark.usefixtures("olga")
class TestLifetime:
    def test_is_a_day(self, desk: TestDesk) -> None:
        clock = Clock()
        with serving(desk, clock=clock) as base, visiting(base, desk) as iam:
            token = iam.by_password().json()["token"]
        assert IAM_TIME.fullmatch(token["issued_at"])
        assert IAM_TIME.fullmatch(token["expires_at"])
        issued, expires = (datetime.fromisoformat(token[name]) for name in ("issued_at", "expires_at"))
        assert expires - issued == DAY
        assert issued == datetime.fromtimestamp(clock.ms / 1000, tz=UTC)

    def test_ends_for_calls_checks_and_logins_alike(self, desk: TestDesk) -> None:
        clock = Clock()
        with serving(desk, clock=clock) as base, visiting(base, desk) as iam:
            old = iam.token()
            clock.ms += 24 * 3_600_000 - 1
            assert iam.search(old).status_code == 200
            fresh = iam.token()
            clock.ms += 1
            refused = iam.search(old)
            assert (refused.status_code, refused.json()["error_code"]) == (401, "APIGW.0301")
            assert_keystone_error(iam.check(old, fresh), 404)
            assert iam.check(old).status_code == 401
            assert_keystone_error(iam.post({"identity": {"methods": ["token"], "token": {"id": old}}}), 401)
            assert iam.search(fresh).status_code == 200

    def test_a_setting_makes_it_shorter(self, desk: TestDesk) -> None:
        clock = Clock()
        with serving(desk, clock=clock, token_lifetime_s=60) as base, visiting(base, desk) as iam:
            token = iam.token()
            clock.ms += 60_000
            assert iam.search(token).status_code == 401


def test_neither_token_nor_password_nor_secret_key_is_stored_in_the_clear(iam: Iam, olga: Key) -> None:
    made = iam.desk.made
    admin = iam.by_password(made.user_name, made.password or "", scope={"project": {"id": made.project_id}})
    secrets = [iam.token(), admin.headers["X-Subject-Token"], PASSWORD, made.password, made.secret_key, olga.secret]
    files = sorted(iam.desk.path.parent.glob(f"{iam.desk.path.name}*"))
    assert f"{iam.desk.path.name}-wal" in [file.name for file in files]
    stored = b"".join(file.read_bytes() for file in files)
    assert olga.access.encode() in stored  # what is looked for would be found
    for secret in secrets:
        assert secret
        assert secret.encode() not in stored


class TestLists:
    def test_projects_of_the_caller(self, iam: Iam, account: dict[str, str]) -> None:
        iam.desk.add_project("other")
        made = iam.desk.made
        shown = {
            "id": made.project_id,
            "name": made.project_name,
            "domain_id": account["id"],
            "parent_id": account["id"],
            "enabled": True,
            "is_domain": False,
            "description": "",
            "links": {"self": f"/v3/projects/{made.project_id}"},
        }
        for path in ("/v3/projects", "/v3/auth/projects"):
            listed = iam.get(path, iam.token()).json()
            assert listed["projects"] == [shown]
            assert (listed["links"]["next"], listed["links"]["previous"]) == (None, None)
            # Terraform's client takes the first array that it finds for the page.
            assert [key for key, value in listed.items() if isinstance(value, list)] == ["projects"]
        one = iam.get(f"/v3/projects/{made.project_id}", iam.token())
        assert one.json() == {"project": shown}

    def test_filters_of_projects(self, iam: Iam, account: dict[str, str]) -> None:
        token = iam.token()
        for query, count in {
            f"domain_id={account['id']}": 1,
            "domain_id=unknown": 0,
            f"parent_id={account['id']}": 1,
            "enabled=true": 1,
            "enabled=false": 0,
            "is_domain=true": 0,
            "is_domain=false": 1,
            f"name={iam.desk.made.project_name}&domain_id={account['id']}&page=1&per_page=10": 1,
        }.items():
            answer = iam.get(f"/v3/projects?{query}", token)
            assert (answer.status_code, len(answer.json()["projects"])) == (200, count), query

    def test_a_project_of_somebody_else_is_not_found(self, iam: Iam) -> None:
        other = iam.desk.add_project("other")
        for project_id in (other, UNKNOWN_PROJECT):
            assert_keystone_error(iam.get(f"/v3/projects/{project_id}", iam.token()), 404)

    def test_exactly_one_account(self, iam: Iam, account: dict[str, str]) -> None:
        listed = iam.get("/v3/auth/domains", iam.token()).json()
        (domain,) = listed["domains"]
        assert {"id": domain["id"], "name": domain["name"]} == account
        assert domain["enabled"] is True
        assert domain["links"]["self"].endswith(account["id"])

    def test_users_by_name(self, iam: Iam, account: dict[str, str]) -> None:
        token = iam.token()
        everybody = iam.get("/v3/users", token).json()["users"]
        assert {one["name"] for one in everybody} == {"olga", iam.desk.made.user_name}
        (olga,) = iam.get("/v3/users?name=olga", token).json()["users"]
        assert olga["domain_id"] == account["id"]
        assert olga["id"] == iam.by_password().json()["token"]["user"]["id"]
        assert not any("password" in key for key in olga)
        assert iam.get("/v3/users?name=nobody", token).json()["users"] == []

    @pytest.mark.parametrize("path", ["projects", "auth/projects", "auth/domains", "users", "auth/tokens"])
    def test_nobody_sees_them(self, iam: Iam, path: str) -> None:
        answer = iam.http.get(f"/v3/{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
        assert "x-auth-token not found" in answer.json()["error_msg"]

    def test_the_version_document_leads_to_v3(self, iam: Iam) -> None:
        answer = iam.http.get("/")
        assert answer.status_code in (200, 300)
        (version,) = answer.json()["versions"]["values"]
        assert "v3" in version["id"]
        assert version["status"] == "stable"
        (link,) = [one for one in version["links"] if one["rel"] == "self"]
        assert link["href"] == f"{str(iam.http.base_url).rstrip('/')}/v3/"


class TestRegionNames:
    """Which project a region's name finds: SDKs ask for the project that is called like their region."""

    def found(self, iam: Iam, name: str) -> list[tuple[str, str]]:
        listed = iam.get(f"/v3/projects?name={name}", iam.by_password().headers["X-Subject-Token"]).json()
        return [(one["id"], one["name"]) for one in listed["projects"]]

    @pytest.fixture
    def second(self, desk: TestDesk, olga: Key) -> str:  # noqa: ARG002  # she must be there
        """The id of a second project, in which olga is a reader."""
        second = desk.add_project("second")
        with closing(sqlite3.connect(desk.path)) as connection, connection:
            connection.execute(
                "INSERT INTO grants (user_id, project_id, role) SELECT id, ?, 'reader' FROM users WHERE name = 'olga'",
                [second],
            )
        return second

    @pytest.mark.parametrize("name", ["cn-north-4", "ap-southeast-3", "local-1"])
    def test_the_only_project_answers_to_every_name(self, iam: Iam, name: str) -> None:
        assert self.found(iam, name) == [(iam.desk.made.project_id, name)]

    def test_the_only_project_does_not_answer_to_somebody_without_a_role(self, iam: Iam) -> None:
        otto = iam.desk.add_user("otto", None)
        with Client(str(iam.http.base_url).rstrip("/"), iam.desk, otto) as client:
            assert client.get("/v3/projects?name=cn-north-4").json()["projects"] == []

    def test_of_two_each_answers_to_its_own_name_only(self, iam: Iam, second: str) -> None:
        assert self.found(iam, "second") == [(second, "second")]
        first = iam.desk.made
        assert self.found(iam, first.project_name) == [(first.project_id, first.project_name)]
        assert self.found(iam, "cn-north-4") == []

    def test_of_two_the_setting_decides(self, desk: TestDesk, second: str) -> None:
        names = {"cn-north-4": "second", "local-1": desk.made.project_name}
        with serving(desk, identity_region_names=names) as base, visiting(base, desk) as iam:
            assert self.found(iam, "cn-north-4") == [(second, "cn-north-4")]
            assert self.found(iam, "local-1") == [(desk.made.project_id, "local-1")]
            assert self.found(iam, "ap-southeast-3") == []
            token = iam.by_password(scope={"project": {"name": "cn-north-4"}}).json()["token"]
            assert token["project"]["id"] == second

    @pytest.mark.usefixtures("second")
    def test_a_name_nobody_maps_is_refused_as_a_scope(self, iam: Iam) -> None:
        answer = iam.by_password(scope={"project": {"name": "cn-north-4"}})
        assert answer.status_code in (403, 404)
        assert_keystone_error(answer, answer.status_code)

    def test_a_token_for_one_project_does_not_open_another(self, iam: Iam, second: str) -> None:
        workspace = iam.desk.add_workspace("theirs", second)
        first_token, second_token = iam.token(), iam.token(project_id=second)
        assert iam.search(second_token, second, workspace).status_code == 200
        assert iam.search(first_token).status_code == 200
        for refused in (iam.search(first_token, second, workspace), iam.search(second_token)):
            assert (refused.status_code, refused.json()["code"]) == (403, "SecMaster.20010001")


class TestThrottle:
    """Failed logins slow the next ones down, for one user from one address."""

    def test_some_failures_are_free_then_the_wait_doubles_up_to_a_limit(self) -> None:
        throttle = LoginThrottle()
        waits = [throttle.begin("olga", 100.0 * n) for n in range(FREE_FAILURES + 12)]
        assert waits[:FREE_FAILURES] == [0.0] * FREE_FAILURES
        assert waits[FREE_FAILURES : FREE_FAILURES + 3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
        assert waits[-1] == LONGEST_DELAY_S

    def test_attempts_that_are_sent_at_once_take_turns_and_too_many_are_refused(self) -> None:
        throttle = LoginThrottle()
        for _ in range(FREE_FAILURES):
            throttle.begin("olga", 100.0)
        waits = [throttle.begin("olga", 100.0) for _ in range(3)]
        assert waits == [FIRST_DELAY_S, 3 * FIRST_DELAY_S, 7 * FIRST_DELAY_S]
        while waits[-1] <= LONGEST_WAIT_S / 2:
            waits.append(throttle.begin("olga", 100.0))
        with pytest.raises(LoginFailed, match="wait a minute"):
            throttle.begin("olga", 100.0)
        assert max(waits) <= LONGEST_WAIT_S

    def test_success_and_time_forgive(self) -> None:
        throttle = LoginThrottle()
        for _ in range(FREE_FAILURES + 1):
            throttle.begin("olga", 100.0)
        throttle.succeeded("olga")
        assert throttle.begin("olga", 100.0) == 0.0
        for _ in range(FREE_FAILURES):
            throttle.begin("olga", 100.0)
        assert throttle.begin("olga", 101.0 + FORGET_AFTER_S) == 0.0

    def test_others_are_not_slowed_down(self) -> None:
        throttle = LoginThrottle()
        for _ in range(FREE_FAILURES + 5):
            throttle.begin(("olga", "192.0.2.1"), 100.0)
        assert throttle.begin(("rita", "192.0.2.1"), 100.0) == 0.0
        assert throttle.begin(("olga", "192.0.2.2"), 100.0) == 0.0

    def test_what_it_remembers_is_bounded(self) -> None:
        throttle = LoginThrottle()
        for _ in range(FREE_FAILURES + 1):
            throttle.begin("first", 100.0)
        for n in range(REMEMBERED):
            throttle.begin(n, 100.0)
        assert len(throttle._failures) == REMEMBERED
        assert throttle.begin("first", 100.0) == 0.0

    @pytest.mark.usefixtures("olga")
    def test_over_http_it_slows_down_the_user_and_address_that_failed_and_nobody_else(
        self, desk: TestDesk, base: str
    ) -> None:
        desk.add_user("rita", Role.READER)
        with visiting(base, desk) as iam, visiting(base, desk, "127.0.0.2") as elsewhere:
            for _ in range(FREE_FAILURES + 2):
                assert_keystone_error(iam.by_password("olga", "wrong"), 401)
            slowed = 4 * FIRST_DELAY_S
            assert took_s(lambda: iam.by_password("rita")) < slowed
            assert took_s(lambda: elsewhere.by_password("olga")) < slowed
            # Right passwords wait too, or the wait would tell them apart; then the count begins anew.
            assert took_s(lambda: iam.by_password("olga")) >= slowed
            assert took_s(lambda: iam.by_password("olga")) < slowed


def took_s(login: Callable[[], httpx.Response]) -> float:
    started = time.monotonic()
    assert login().status_code == 201
    return time.monotonic() - started


@pytest.mark.parametrize("off_s", [960, -960])
def test_a_date_outside_the_window_is_told_the_servers_clock(desk: TestDesk, olga: Key, off_s: int) -> None:
    clock = Clock()
    with serving(desk, clock=clock) as base, httpx.Client(base_url=base, trust_env=False) as http:
        signed = sign(
            method="GET", host=http.base_url.netloc.decode(), path="/v3/auth/projects", query="", headers={}, body=b"",
            access=olga.access, secret=olga.secret, date=sdk_date(clock.ms + off_s * 1000),
        )  # fmt: skip
        answer = http.get("/v3/auth/projects", headers=signed)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert f"the server's clock says {sdk_date(clock.ms)}" in answer.json()["error_msg"]


def test_the_debug_log_shows_what_was_to_be_signed_and_no_secret(desk: TestDesk, olga: Key, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with logged_server(desk, log) as base, visiting(base, desk) as iam:
        token = iam.token()
        assert iam.check(token).status_code == 200
        search = f"/v1/{desk.made.project_id}/workspaces/{desk.made.workspace_id}/soc/alerts/search"
        wrong = Key(access=olga.access, secret="a secret key that is wrong")
        with Client(base, desk, wrong) as client:
            refused = client.post(search, {}, headers={"X-Auth-Token": token, "X-Security-Header": "plain"})
        with Client(base, desk, olga) as client:
            assert client.post(search, {}).status_code == 200
        identity = {
            "methods": ["hw_ak_sk"],
            "hw_ak_sk": {"access": {"key": olga.access}, "secret": {"key": olga.secret}},
        }
        assert iam.post({"identity": identity}).status_code == 201
    assert refused.status_code == 401
    text = log.read_text()
    (shown,) = [line for line in map(json.loads, text.splitlines()) if line["event"] == "signature_refused"]
    (canonical,) = shown["canonical_requests"]
    assert canonical.startswith(f"POST\n{search}/\n\n")
    assert "x-security-header:plain\n" in canonical
    assert "x-auth-token:***\n" in canonical
    assert shown["access"] == olga.access
    for secret in (token, PASSWORD, wrong.secret, olga.secret, desk.made.secret_key or ""):
        assert secret not in text


@contextmanager
def logged_server(desk: TestDesk, log: Path) -> Iterator[str]:
    """`tocsin serve` as a process of its own, at log level debug; yields its base URL."""
    environment = {**os.environ, "TOCSIN_LOG_LEVEL": "debug", "TOCSIN_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0"]
    with log.open("wb") as errors:
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        with server:
            try:
                assert server.stdout is not None
                line = server.stdout.readline()
                assert "listens on" in line, log.read_text()
                yield line.split()[-1]
            finally:
                server.terminate()
                server.wait(timeout=120)
