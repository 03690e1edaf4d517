"""Passwords, secret keys and tokens: made, stored and compared so that a stolen database gives none of them away."""

import base64
import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import argon2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.errors import SetupError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_HASHER = argon2.PasswordHasher()
_DAMAGED = (
    "the key file {path} is damaged: restore it from where you keep it, or, if it is lost for good, make a new one "
    "with `tocsin key renew-file`"
)


class KeyBox:
    """Encrypts secret keys at rest (AES-256-GCM); each is bound to its access key, so rows cannot be swapped."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: str, *, access: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), access.encode())

    def open(self, sealed: bytes, *, access: str) -> str:
        """Raises SetupError when the key file is not the one the secret was stored with."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], access.encode()).decode()
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be a secret
            raise SetupError(
                "the key file does not belong to this database: secret keys cannot be read; restore the right one, "
                "or, if it is lost for good, make a new one with `tocsin key renew-file`"
            ) from error

    def reads(self, sealed: bytes, *, access: str) -> bool:
        """Whether a secret was stored with this key."""
        try:
            self.open(sealed, access=access)
        except SetupError:
            return False
        return True

    def matches(self, sealed: bytes, secret: str, *, access: str) -> bool:
        """Whether a secret is the sealed one, compared in constant time."""
        return hmac.compare_digest(self.open(sealed, access=access).encode(), secret.encode())


def create_key_file(path: Path) -> KeyBox:
    """Write a new key, readable by its owner only. An existing file is used, never overwritten."""
    if not path.exists():
        _write_private(path, _new_key())
    return read_key_file(path)


@contextmanager
def replaced_key_file(path: Path) -> Iterator[Path | None]:
    """A new key takes the place of the file once the block is done, and does not when it fails.

    Gives where the former file is kept, if there is one; nothing is ever overwritten.
    """
    stamp = secrets.token_hex(4)
    fresh = path.with_name(f"{path.name}.new-{stamp}")
    kept = path.with_name(f"{path.name}.old-{stamp}") if path.exists() else None
    _write_private(fresh, _new_key())
    try:
        if kept is not None:
            _write_private(kept, path.read_bytes())
        yield kept
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        if kept is not None:
            kept.unlink(missing_ok=True)
        raise


def _new_key() -> bytes:
    return base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n"


def _write_private(path: Path, content: bytes) -> None:
    """A new file that only its owner reads, on the disk when this returns."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SetupError(
            f"the key file {path} cannot be made: {error.strerror}; TOCSIN_SECRET_KEY_FILE may name another place"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path) -> KeyBox:
    """Raises SetupError, saying what to do, when the file is missing or is not a key."""
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise SetupError(
            f"the key file {path} cannot be read ({error.strerror}): restore it from where you keep it, "
            "or set TOCSIN_SECRET_KEY_FILE; without it no stored secret key can be used. "
            "If it is lost for good, make a new one with `tocsin key renew-file`"
        ) from error
    except ValueError as error:
        raise SetupError(_DAMAGED.format(path=path)) from error
    if len(key) != _KEY_BYTES:
        raise SetupError(_DAMAGED.format(path=path))
    return KeyBox(key)


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


@functools.cache
def _nobody() -> str:
    """Compared with when a user is unknown, so that the answer takes as long as for one who is known."""
    return _HASHER.hash(secrets.token_hex())


def password_matches(password_hash: str | None, password: str) -> bool:
    """Takes its time (tens of milliseconds) on purpose, also when there is no such user (None)."""
    try:
        matches = _HASHER.verify(password_hash or _nobody(), password)
    except argon2.exceptions.VerificationError:
        return False
    return matches and password_hash is not None


def new_password() -> str:
    return secrets.token_urlsafe(18)


def new_access_key() -> tuple[str, str]:
    """An access key of 20 characters and its secret key of 40, the cloud's lengths."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(20)), secrets.token_urlsafe(30)


def new_token() -> str:
    """Opaque and URL-safe; begins like the cloud's, which some scripts look for."""
    return "MII" + secrets.token_urlsafe(48)


def token_hash(token: str) -> str:
    """A token is long and random, so a plain hash cannot be searched back."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
