"""Request signatures by access key and secret key (AK/SK): what they cover and whether they hold.

A signature is checked against the request as it was received, byte for byte, never against something parsed and
written again. Nothing here knows the time, a database or a framework: the caller looks up the secret of
`Signature.access`, calls `check_date`, then `verify`. Algorithms: SDK-HMAC-SHA256, which every client uses, and
V11-HMAC-SHA256 with derived keys. Source: vendor documentation of API request signing; checked against recordings of
the four official clients.
"""

import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from tocsin.errors import Unauthenticated

SDK_ALGORITHM = "SDK-HMAC-SHA256"
V11_ALGORITHM = "V11-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
DATE_HEADER = "x-sdk-date"
PAYLOAD_HEADER = "x-sdk-content-sha256"

MAX_AUTHORIZATION_CHARS = 4096  # the clients stay below 300; room for many extra headers
MAX_SIGNED_HEADERS = 64  # the clients sign up to six, and whatever their user adds


_ACCESS = re.compile(r"[!-+\--~]{1,128}")  # visible ASCII but for the comma, which separates the parts
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 token, lower case
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCOPE = re.compile(r"[0-9]{8}/[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_.-]{1,64}")
_SDK_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")


class BadSignature(Unauthenticated):
    """The request cannot be accepted as signed; the message is for the client and says what is wrong."""


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as received."""

    method: str
    raw_path: bytes  # percent-encoded as on the wire, without the query
    raw_query: bytes  # without the question mark
    headers: Sequence[tuple[bytes, bytes]]  # names in any case
    body: bytes
    body_sha256: str | None = None  # of a body that was taken in piece by piece, and is not here


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What an Authorization header claims."""

    algorithm: str
    access: str  # the AK
    signed_headers: tuple[str, ...]  # lower case, in the order that was signed
    signature: str  # 64 lower-case hex digits
    scope: str | None = None  # V11 only: <yyyymmdd>/<region>/<service>


def is_signature(value: str) -> bool:
    """Whether an Authorization header is meant as a request signature, of a supported algorithm or not."""
    return value.startswith(("SDK-", "V11-"))


def parse_authorization(value: str) -> Signature:
    """Read `SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...` or its V11 twin with `Credential=`.

    Raises BadSignature for another algorithm, a missing, repeated, unknown or malformed part, and for signed headers
    without x-sdk-date: a signature that does not cover its date could be used for ever.
    """
    if len(value) > MAX_AUTHORIZATION_CHARS:
        raise BadSignature(f"Authorization is longer than {MAX_AUTHORIZATION_CHARS} characters")
    algorithm, _, rest = value.partition(" ")
    if algorithm not in (SDK_ALGORITHM, V11_ALGORITHM):
        raise BadSignature(f"unsupported signature algorithm, use {SDK_ALGORITHM}")
    access_part = "Access" if algorithm == SDK_ALGORITHM else "Credential"
    parts = _authorization_parts(rest, (access_part, "SignedHeaders", "Signature"))
    access, scope = parts[access_part], None
    if algorithm == V11_ALGORITHM:
        access, _, scope = access.partition("/")
        if not _SCOPE.fullmatch(scope):
            raise BadSignature("Credential in Authorization must be <access key>/<yyyymmdd>/<region>/<service>")
    if not _ACCESS.fullmatch(access):
        raise BadSignature(f"{access_part} in Authorization holds no access key")
    if not _HEX_DIGEST.fullmatch(parts["Signature"]):
        raise BadSignature("Signature in Authorization must be 64 lower-case hexadecimal digits")
    return Signature(
        algorithm=algorithm,
        access=access,
        signed_headers=_signed_header_names(parts["SignedHeaders"]),
        signature=parts["Signature"],
        scope=scope,
    )


def _authorization_parts(text: str, expected: tuple[str, ...]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip(" \t").partition("=")
        if not equals or name not in expected or name in parts:
            raise BadSignature(f"Authorization must hold {', '.join(expected)}, each once as name=value")
        parts[name] = value
    for name in expected:
        if name not in parts:
            raise BadSignature(f"Authorization lacks {name}")
    return parts


def _signed_header_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if len(names) > MAX_SIGNED_HEADERS:
        raise BadSignature(f"SignedHeaders names more than {MAX_SIGNED_HEADERS} headers")
    if len(set(names)) < len(names) or not all(map(_HEADER_NAME.fullmatch, names)):
        raise BadSignature("SignedHeaders must be different header names in lower case, joined by semicolons")
    if DATE_HEADER not in names:
        raise BadSignature(f"SignedHeaders must name {DATE_HEADER}")
    return names


def sdk_date(ms: int) -> str:
    """UTC milliseconds as X-Sdk-Date spells them: `20250624T080910Z`."""
    return datetime.fromtimestamp(ms // 1000, tz=UTC).strftime("%Y%m%dT%H%M%SZ")


def signing_date_ms(request: SignedRequest) -> int:
    """X-Sdk-Date in UTC milliseconds; BadSignature when it is absent, repeated or malformed."""
    text = _header_values(request, (DATE_HEADER,))[DATE_HEADER]
    if _SDK_DATE.fullmatch(text):  # fromisoformat alone takes other spellings, too
        with contextlib.suppress(ValueError):
            return int(datetime.fromisoformat(text).timestamp()) * 1000
    raise BadSignature("X-Sdk-Date must be one UTC time like 20250624T080910Z")


def check_date(request: SignedRequest, now_ms: int, window_ms: int) -> None:
    """Raise BadSignature when X-Sdk-Date is more than `window_ms` before or after `now_ms`."""
    date_ms = signing_date_ms(request)
    if abs(now_ms - date_ms) > window_ms:
        raise BadSignature(
            f"signature expired: the server's clock says {sdk_date(now_ms)}, X-Sdk-Date {sdk_date(date_ms)}, "
            f"they may differ by {window_ms // 1000} seconds"
        )


def verify(request: SignedRequest, signature: Signature, secret: str) -> bool:
    """Whether the holder of `secret` signed this request. Does not look at the clock: see `check_date`.

    Raises BadSignature when the question cannot be asked: a signed header is absent or is no text.
    """
    claimed = signature.signature.encode()
    key = _signing_key(signature, secret)
    date = _header_values(request, (DATE_HEADER,))[DATE_HEADER]
    if signature.scope is not None and signature.scope[:8] != date[:8]:
        raise BadSignature("the date in Credential is not the date in X-Sdk-Date")
    return any(
        hmac.compare_digest(claimed, _digest(key, signature, date, canonical).encode())
        for canonical in canonical_requests(request, signature)
    )


def canonical_requests(request: SignedRequest, signature: Signature) -> list[str]:
    """The texts a client may have hashed for this request, most likely first, without duplicates.

    There is more than one because the clients differ in two points: Python and Go sort a query by decoded name and
    value, Java by encoded name only; and with UNSIGNED-PAYLOAD and no body Python hashes the empty body all the same.
    Raises BadSignature when a signed header is absent or is no text.
    """
    values = _header_values(request, signature.signed_headers)
    head = f"{request.method.upper()}\n{_canonical_path(request.raw_path)}\n"
    tail = "".join(f"{name}:{value}\n" for name, value in values.items()) + "\n" + ";".join(values)
    return [
        f"{head}{query}\n{tail}\n{payload}"
        for query in _canonical_queries(request.raw_query)
        for payload in _canonical_payloads(request, values.get(PAYLOAD_HEADER))
    ]


def sign(
    *,
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    access: str,
    secret: str,
    date: str,
) -> dict[str, str]:
    """The headers to send, Authorization included, signed as the vendor's Python SDK does.

    `path` and `query` are what goes on the wire, percent-encoded; `host` with its port; `date` as from `sdk_date`.
    Every given header is signed but those with an underscore in the name, which proxies like to drop.
    """
    ours = {"host", DATE_HEADER, "authorization"}
    sent = {name: value for name, value in headers.items() if name.lower() not in ours}
    sent |= {"X-Sdk-Date": date, "Host": host}
    request = SignedRequest(
        method=method,
        raw_path=path.encode("ascii"),
        raw_query=query.encode("ascii"),
        headers=[(name.encode("ascii"), value.encode()) for name, value in sent.items()],
        body=body,
    )
    names = tuple(sorted({name.lower() for name in sent if "_" not in name}))
    unsigned = Signature(algorithm=SDK_ALGORITHM, access=access, signed_headers=names, signature="")
    canonical = canonical_requests(request, unsigned)[0]
    digest = _digest(_signing_key(unsigned, secret), unsigned, date, canonical)
    authorization = f"{SDK_ALGORITHM} Access={access}, SignedHeaders={';'.join(names)}, Signature={digest}"
    return sent | {"Authorization": authorization}


def _header_values(request: SignedRequest, names: tuple[str, ...]) -> dict[str, str]:
    """The trimmed value of each named header, in the order of `names`.

    A header that was sent more than once counts as its values joined by a comma, as RFC 9110 reads it. No client signs
    such a header, so in practice this makes a signature fail when somebody adds a second one on the way.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    for raw_name, raw_value in request.headers:
        name = raw_name.lower().decode("latin-1")
        if name in found:
            found[name].append(_header_text(name, raw_value))
    for name, values in found.items():
        if not values:
            raise BadSignature(f"header {name} is to be signed and is not in the request")
    return {name: ",".join(values) for name, values in found.items()}


def _header_text(name: str, raw: bytes) -> str:
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise BadSignature(f"header {name} is signed and is not UTF-8") from None
    if "\n" in text or "\r" in text:  # a line break would let one header pass for two in the canonical request
        raise BadSignature(f"header {name} is signed and holds a line break")
    return text


def _canonical_path(raw: bytes) -> str:
    # Decoded as a whole before it is split: the Python SDK sends %2F inside a value and signs it as a separator.
    path = quote_from_bytes(unquote_to_bytes(raw), safe="/")
    return path if path.endswith("/") else path + "/"


def _canonical_queries(raw: bytes) -> list[str]:
    pairs = []
    for piece in raw.replace(b"+", b" ").split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    by_decoded = [_encoded_pair(pair) for pair in sorted(pairs)]
    by_encoded_name = sorted(map(_encoded_pair, pairs), key=lambda pair: pair[0])
    return list(dict.fromkeys("&".join(map("=".join, order)) for order in (by_decoded, by_encoded_name)))


def _encoded_pair(pair: tuple[bytes, bytes]) -> tuple[str, str]:
    return quote_from_bytes(pair[0], safe=""), quote_from_bytes(pair[1], safe="")


def _canonical_payloads(request: SignedRequest, declared: str | None) -> list[str]:
    # Of X-Sdk-Content-Sha256 only the literal is believed, and only when the header is signed. A digest in it is left
    # unread and made anew: who takes the client's word for it accepts any body under somebody else's signature.
    if declared != UNSIGNED_PAYLOAD:
        return [request.body_sha256 or hashlib.sha256(request.body).hexdigest()]
    return (
        [UNSIGNED_PAYLOAD]
        if request.body or request.body_sha256
        else [hashlib.sha256(b"").hexdigest(), UNSIGNED_PAYLOAD]
    )


def _signing_key(signature: Signature, secret: str) -> bytes:
    if signature.scope is None:
        return secret.encode()
    # HKDF-SHA256, one block: salt is the access key, info the scope. The key is the hex text, not the bytes.
    extracted = hmac.digest(signature.access.encode(), secret.encode(), "sha256")
    return hmac.digest(extracted, signature.scope.encode() + b"\x01", "sha256").hex().encode()


def _digest(key: bytes, signature: Signature, date: str, canonical: str) -> str:
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    scope = [] if signature.scope is None else [signature.scope]
    text = "\n".join([signature.algorithm, date, *scope, hashed])
    return hmac.digest(key, text.encode(), "sha256").hex()
