"""Every setting of Tocsin, with its default, its unit and a sentence.

Read once, at start, from a TOML file and from `TOCSIN_*` variables (which win). A setting that nobody knows stops the
start: a misspelt name must not silently leave a default in force.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs

from tocsin.errors import SetupError

CONFIG_VARIABLE = "TOCSIN_CONFIG"
# Variables of this project's own tests; they configure no server.
TEST_PREFIX = "TOCSIN_TEST_"


def _default_database() -> str:
    try:
        folder = platformdirs.user_data_dir("tocsin")
    except RuntimeError as error:
        raise SetupError("there is no home directory for the default database: say --database URL") from error
    return f"sqlite:///{Path(folder) / 'tocsin.db'}"


Seconds = Annotated[int, msgspec.Meta(ge=1, le=31_536_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value for each setting; `DESCRIPTIONS` holds the sentences, `names()` the spellings."""

    database: str = msgspec.field(default_factory=_default_database)
    secret_key_file: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    tls_cert: str = ""
    tls_key: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"
    time_offset: str = "+0800"
    signature_window_s: Seconds = 900
    token_lifetime_s: Seconds = 86_400
    idempotency_lifetime_s: Seconds = 86_400
    body_limit_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1 << 30)] = 12 * 1024 * 1024
    upload_limit_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1 << 40)] = 21 * 1024 * 1024
    import_timeout_s: Seconds = 600
    attachments: str = ""
    attachment_link_lifetime_s: Seconds = 300
    public_url: str = ""
    busy_timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 5_000
    read_timeout_s: Seconds = 30
    conversion_shape: Literal["one", "each"] = "one"
    conversion_close_alerts: bool = True
    conversion_allow_again: bool = False
    conversion_owner: Literal["none", "caller"] = "none"
    conversion_daily_limit: Annotated[int, msgspec.Meta(ge=0)] = 0
    types_strict: bool = False
    identity_region_names: dict[str, str] = {}


DESCRIPTIONS: Mapping[str, str] = {
    "database": "Where the data is: sqlite:///path/to/file.db. Default: a file in the user's data directory.",
    "secret_key_file": "File with the key that encrypts stored secret keys. Default: beside the database, ending .key.",
    "host": "Address to listen on.",
    "port": "TCP port to listen on; 0 takes a free one.",
    "tls_cert": "PEM file with the server's certificate chain; needs tls_key.",
    "tls_key": "PEM file with the certificate's private key; needs tls_cert.",
    "log_level": "Least level that is logged: debug, info, warning or error. debug shows canonical requests.",
    "log_format": "Log lines as json or text; auto means text on a terminal, else json.",
    "time_offset": "Offset of the times that the server makes, and of times that arrive without a zone.",
    "signature_window_s": "Seconds that X-Sdk-Date may be off, either way.",
    "token_lifetime_s": "Seconds that a token is good for.",
    "idempotency_lifetime_s": "Seconds that the answer to an X-Idempotency-Key is kept.",
    "body_limit_bytes": "Largest request body in bytes; a larger one is answered 413.",
    "upload_limit_bytes": "Largest upload in bytes, an import or an attachment with the form around it.",
    "import_timeout_s": "Seconds that reading the workbook of an import may take; it is refused then.",
    "attachments": "Directory of attachments. Default: beside the database file, with `.attachments` behind its name.",
    "attachment_link_lifetime_s": "Seconds that the download address of an attachment is good for.",
    "public_url": "Where clients reach this server, for download addresses. Default: the host that the client asked.",
    "busy_timeout_ms": "Milliseconds to wait for another process that writes to the same SQLite file.",
    "read_timeout_s": "Seconds a single read may take before it is stopped and answered 503.",
    "conversion_shape": "Incidents that a conversion makes: one for the call, or one for each alert.",
    "conversion_close_alerts": "Whether a conversion closes its alerts.",
    "conversion_allow_again": "Whether an alert that has an incident from a conversion may be converted again.",
    "conversion_owner": "Owner of an incident made by a conversion: none, or the caller.",
    "conversion_daily_limit": "Most incidents that conversions may make in a workspace in one day; 0 means no limit.",
    "types_strict": "Whether types that the catalogue does not have are refused, in conversions, creates and updates.",
    "identity_region_names": "Project name for each region name, once there is more than one project.",
}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"TOCSIN_{name.upper()}"


def load_settings(
    environ: Mapping[str, str] = os.environ, *, config: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from file, environment and command line, the later one winning.

    Raises SetupError for an unknown setting, a value of the wrong kind, or a contradiction.
    """
    values: dict[str, Any] = {}
    path = config or environ.get(CONFIG_VARIABLE)
    if path:
        values.update(_from_file(Path(path)))
    values.update(_from_environment(environ))
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    settings = _convert(values)
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SetupError("tls_cert and tls_key belong together: give both or neither")
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            tree = tomllib.load(file)
    except OSError as error:
        raise SetupError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"the settings file {path} is not TOML: {error}") from error
    return _known(_flatten(tree), f"the settings file {path}", str)


def _flatten(tree: Mapping[str, Any]) -> dict[str, Any]:
    """`[conversion] shape = …` is the setting conversion_shape; a table that is a setting itself stays whole."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and key not in DESCRIPTIONS:
            members = {name if name.startswith(f"{key}_") else f"{key}_{name}": one for name, one in value.items()}
        else:
            members = {key: value}
        for name, one in members.items():
            if name in flat:
                raise SetupError(f"the setting {name} is there twice in the settings file")
            flat[name] = one
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given = {
        name.removeprefix("TOCSIN_").lower(): value
        for name, value in environ.items()
        if name.startswith("TOCSIN_") and not name.startswith(TEST_PREFIX) and name != CONFIG_VARIABLE
    }
    known = _known(given, "the environment", variable)
    if "identity_region_names" in known:
        known["identity_region_names"] = _pairs(known["identity_region_names"])
    return known


def _pairs(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all("=" in part for part in parts):
        raise SetupError("the setting identity_region_names: write region=project,region=project")
    return {region.strip(): project.strip() for region, project in (part.split("=", 1) for part in parts)}


def _known(values: dict[str, Any], where: str, spelling: Any) -> dict[str, Any]:
    unknown = sorted(set(values) - set(DESCRIPTIONS))
    if unknown:
        known = ", ".join(spelling(name) for name in DESCRIPTIONS)
        raise SetupError(
            f"{where} has the unknown setting {', '.join(spelling(name) for name in unknown)}. Known are: {known}"
        )
    return values


def _convert(values: dict[str, Any]) -> Settings:
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        text = text.replace("`", "").replace("int", "a number").replace("bool", "true or false").replace("str", "text")
        raise SetupError(f"the setting {place.rstrip('`') or '?'}: {text[:1].lower()}{text[1:]}") from error
