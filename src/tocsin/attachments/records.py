"""Attachments: files beside the objects of a workspace."""

import msgspec


class Attachment(msgspec.Struct, frozen=True):
    """A file in the operator's directory. `file_name` is what its sender called it, and names no place."""

    id: str
    file_name: str
    file_type: str
    # Bytes.
    size: int
    # 64 lower-case hexadecimal digits.
    sha256: str
    creator_id: str
    creator_name: str
    # UTC milliseconds.
    create_time: int
