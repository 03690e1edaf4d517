"""Identifiers: UUIDv7 for what the server makes (time-ordered ids keep recent rows together)."""

import hashlib
import os
import time
import uuid


def new_id() -> str:
    """A UUIDv7 (RFC 9562), 36 characters."""
    value = (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def derived_id(*parts: bytes) -> str:
    """The same UUID (version 8, RFC 9562) for the same parts, so that a retry or a re-read finds what it made."""
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).digest()
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def new_hex_id() -> str:
    """32 random hexadecimal digits: the form of the vendor's project, account and user ids."""
    return os.urandom(16).hex()
