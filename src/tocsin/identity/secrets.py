"""Passwords, secret keys and tokens: made, stored and compared so that a stolen database gives none of them away."""

import base64
import functools
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import argon2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.errors import SetupError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_HASHER = argon2.PasswordHasher()


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
        except InvalidTag as error:
            raise SetupError("the key file does not belong to this database: secret keys cannot be read") from error

    def matches(self, sealed: bytes, secret: str, *, access: str) -> bool:
        """Whether a secret is the sealed one, compared in constant time."""
        return hmac.compare_digest(self.open(sealed, access=access).encode(), secret.encode())


def create_key_file(path: Path) -> KeyBox:
    """Write a new key, readable by its owner only. An existing file is used, never overwritten."""
    if path.exists():
        return read_key_file(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SetupError(
            f"the key file {path} cannot be made: {error.strerror}; TOCSIN_SECRET_KEY_FILE may name another place"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return read_key_file(path)


def read_key_file(path: Path) -> KeyBox:
    """Raises SetupError, saying what to do, when the file is missing or is not a key."""
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise SetupError(
            f"the key file {path} cannot be read ({error.strerror}): restore it from where you keep it, "
            "or set TOCSIN_SECRET_KEY_FILE; without it no stored secret key can be used"
        ) from error
    except ValueError as error:
        raise SetupError(f"the key file {path} is damaged: restore it from where you keep it") from error
    if len(key) != _KEY_BYTES:
        raise SetupError(f"the key file {path} is damaged: restore it from where you keep it")
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
