"""Settings: each has a sentence, each can come from a file, a variable or an option, and none is guessed."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tocsin.errors import SetupError
from tocsin.settings import DESCRIPTIONS, Settings, load_settings, variable

# A text for each setting as a variable has it, and the value that it stands for.
EXAMPLES: Mapping[str, tuple[str, Any]] = {
    "database": ("sqlite:////srv/desk.db", "sqlite:////srv/desk.db"),
    "secret_key_file": ("/srv/desk.key", "/srv/desk.key"),
    "host": ("::1", "::1"),
    "port": ("9443", 9443),
    "tls_cert": ("cert.pem", "cert.pem"),
    "tls_key": ("key.pem", "key.pem"),
    "log_level": ("debug", "debug"),
    "log_format": ("text", "text"),
    "time_offset": ("-0530", "-0530"),
    "signature_window_s": ("60", 60),
    "token_lifetime_s": ("600", 600),
    "idempotency_lifetime_s": ("700", 700),
    "body_limit_bytes": ("4096", 4096),
    "upload_limit_bytes": ("8192", 8192),
    "import_timeout_s": ("90", 90),
    "attachments": ("/srv/attachments", "/srv/attachments"),
    "attachment_link_lifetime_s": ("60", 60),
    "public_url": ("https://soc.example.org", "https://soc.example.org"),
    "busy_timeout_ms": ("250", 250),
    "read_timeout_s": ("5", 5),
    "conversion_shape": ("each", "each"),
    "conversion_close_alerts": ("false", False),
    "conversion_allow_again": ("true", True),
    "conversion_owner": ("caller", "caller"),
    "conversion_daily_limit": ("40", 40),
    "types_strict": ("1", True),
    "identity_region_names": ("eu-west-101=frankfurt,default=lab", {"eu-west-101": "frankfurt", "default": "lab"}),
}
PARTNERS = {"tls_cert": "tls_key", "tls_key": "tls_cert"}


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = "{text}"' for key, text in value.items()) + " }"
    return str(value) if isinstance(value, int) else f'"{value}"'


def settings_file(folder: Path, text: str) -> str:
    path = folder / "tocsin.toml"
    path.write_text(text, "utf-8")
    return str(path)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_every_setting_has_a_sentence_and_an_example() -> None:
    fields = set(Settings.__struct_fields__)
    assert set(DESCRIPTIONS) == fields
    assert set(EXAMPLES) == fields
    for name, sentence in DESCRIPTIONS.items():
        assert sentence[0].isupper() or sentence.startswith("debug"), name
        assert sentence.endswith("."), name


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert settings.port == 8080
    assert settings.database.startswith("sqlite:///")
    assert settings.database.endswith("tocsin.db")


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_setting_comes_from_its_variable(name: str) -> None:
    environ = {variable(name): EXAMPLES[name][0]}
    if partner := PARTNERS.get(name):
        environ[variable(partner)] = "other.pem"
    assert getattr(load_settings(environ), name) == EXAMPLES[name][1]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_setting_comes_from_a_file_plainly_and_from_a_section(name: str, tmp_path: Path) -> None:
    value = EXAMPLES[name][1]
    partner = f'{PARTNERS[name]} = "other.pem"\n' if name in PARTNERS else ""
    plain = settings_file(tmp_path, f"{partner}{name} = {toml(value)}\n")
    assert getattr(load_settings({}, config=plain), name) == value
    section, _, rest = name.partition("_")
    if rest and section not in DESCRIPTIONS:
        sectioned = settings_file(tmp_path, f"{partner}[{section}]\n{rest} = {toml(value)}\n")
        assert getattr(load_settings({}, config=sectioned), name) == value


def test_a_table_may_be_a_section_of_its_own(tmp_path: Path) -> None:
    config = settings_file(tmp_path, '[identity.region_names]\nhere = "lab"\n')
    assert load_settings({}, config=config).identity_region_names == {"here": "lab"}


def test_options_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    config = settings_file(tmp_path, "port = 1111\ntoken_lifetime_s = 11\nread_timeout_s = 1\n")
    environ = {"TOCSIN_CONFIG": config, "TOCSIN_PORT": "2222", "TOCSIN_TOKEN_LIFETIME_S": "22"}
    settings = load_settings(environ, overrides={"port": 3333, "token_lifetime_s": None})
    assert (settings.port, settings.token_lifetime_s, settings.read_timeout_s) == (3333, 22, 1)


def test_a_named_file_wins_over_the_one_of_the_variable(tmp_path: Path) -> None:
    config = settings_file(tmp_path, "port = 1111\n")
    assert load_settings({"TOCSIN_CONFIG": "/no/such/file"}, config=config).port == 1111


def test_variables_of_the_tests_configure_nothing() -> None:
    assert load_settings({"TOCSIN_TEST_DATABASE": "postgresql://x", "PATH": "/bin"}) == Settings()


def test_an_unknown_variable_is_refused_by_its_name() -> None:
    with pytest.raises(SetupError, match="TOCSIN_PROT") as caught:
        load_settings({"TOCSIN_PROT": "8081"})
    assert "TOCSIN_PORT" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot"),
        ("[conversion]\nshap = 'one'", "conversion_shap"),
        ("[conversions]\nshape = 'one'", "conversions_shape"),
        ("[a.b]\nc = 1", "a_b"),
    ],
)
def test_an_unknown_name_in_the_file_is_refused_with_the_file(text: str, named: str, tmp_path: Path) -> None:
    config = settings_file(tmp_path, text)
    with pytest.raises(SetupError, match=named) as caught:
        load_settings({}, config=config)
    assert config in str(caught.value)


def test_an_unknown_option_is_wrong_usage() -> None:
    refused = run("serve", "--prot", "1")
    assert refused.returncode == 2
    assert "--prot" in refused.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "http"),
        ("port", ""),
        ("port", "-1"),
        ("port", "65536"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("signature_window_s", "0"),
        ("token_lifetime_s", "1.5"),
        ("idempotency_lifetime_s", "99999999999"),
        ("body_limit_bytes", "12MB"),
        ("body_limit_bytes", "1"),
        ("busy_timeout_ms", "-5"),
        ("read_timeout_s", "soon"),
        ("conversion_shape", "two"),
        ("conversion_close_alerts", "perhaps"),
        ("conversion_allow_again", "2"),
        ("conversion_owner", "nobody"),
        ("conversion_daily_limit", "-1"),
        ("types_strict", ""),
        ("identity_region_names", "eu-west-101"),
        ("identity_region_names", "eu-west-101=lab,default"),
    ],
)
def test_a_bad_value_in_a_variable_names_the_setting(name: str, text: str) -> None:
    with pytest.raises(SetupError, match=name):
        load_settings({variable(name): text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", '"http"'),
        ("port", "[8080]"),
        ("host", "1"),
        ("database", "{ url = 'sqlite:///x.db' }"),
        ("conversion_shape", "true"),
        ("identity_region_names", '"lab"'),
        ("identity_region_names", "{ here = 1 }"),
    ],
)
def test_a_bad_value_in_the_file_names_the_setting(name: str, value: str, tmp_path: Path) -> None:
    config = settings_file(tmp_path, f"{name} = {value}\n")
    with pytest.raises(SetupError, match=name):
        load_settings({}, config=config)


@pytest.mark.parametrize("given", ["tls_cert", "tls_key"])
def test_a_certificate_without_its_key_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match=PARTNERS[given]):
        load_settings({variable(given): "a.pem"})


def test_a_setting_given_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    config = settings_file(tmp_path, "conversion_shape = 'one'\n[conversion]\nshape = 'each'\n")
    with pytest.raises(SetupError, match="conversion_shape"):
        load_settings({}, config=config)


@pytest.mark.parametrize("content", [b"port = ", b'host = "\xff"', b"\x00", b"port = 1\nport = 2\n"])
def test_a_file_that_is_not_toml_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=r"broken\.toml"):
        load_settings({}, config=str(path))


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(SetupError, match="cannot be read") as caught:
        load_settings({}, config=str(path))
    assert str(path) in str(caught.value)


def test_the_command_line_reads_the_file_and_refuses_with_status_1(tmp_path: Path) -> None:
    config = settings_file(tmp_path, "prot = 1\n")
    refused = run("--config", config, "serve")
    assert refused.returncode == 1
    assert "prot" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_the_help_of_serve_lists_every_setting_with_its_sentence() -> None:
    shown = run("serve", "--help")
    assert shown.returncode == 0
    text = " ".join(shown.stdout.split())
    for name, sentence in DESCRIPTIONS.items():
        assert f"{variable(name)} {sentence}" in text
