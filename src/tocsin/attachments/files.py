"""Files of attachments, in a directory of the operator's: `<workspace id>/<attachment id>`, nothing a client chose.

A file is written whole and made durable before its record commits, so a record always has its file. A crash between the
two leaves a file that no record names; `orphans` finds those.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from tocsin.errors import SetupError, Unavailable

_ID = re.compile(r"[0-9a-zA-Z-]{1,64}")
_OURS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|tmp\w+\.part")
_PIECE_BYTES = 256 * 1024
_UNFINISHED = ".part"


class AttachmentFiles:
    """The directory. It is made when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, workspace_id: str, attachment_id: str) -> Path:
        for one in (workspace_id, attachment_id):
            if not _ID.fullmatch(one):
                raise ValueError(f"{one!r} is no id")
        return self._folder / workspace_id / attachment_id

    def store(self, workspace_id: str, attachment_id: str, content: BinaryIO) -> None:
        """Write a file so that it is there after a power cut. Raises Unavailable for a full or missing disk."""
        target = self.path(workspace_id, attachment_id)
        try:
            _make_folder(self._folder)
            _make_folder(target.parent)
            with tempfile.NamedTemporaryFile(dir=target.parent, suffix=_UNFINISHED, delete=False) as file:
                unfinished = Path(file.name)
                try:
                    shutil.copyfileobj(content, file, _PIECE_BYTES)
                    file.flush()
                    os.fsync(file.fileno())
                    unfinished.rename(target)
                except BaseException:
                    unfinished.unlink(missing_ok=True)
                    raise
            _sync_folder(target.parent)
        except OSError as error:
            raise Unavailable(f"the attachment cannot be stored: {error.strerror}") from error

    def remove(self, workspace_id: str, attachment_id: str) -> None:
        """One that is gone already is fine."""
        self.path(workspace_id, attachment_id).unlink(missing_ok=True)

    def pieces(self, workspace_id: str, attachment_id: str) -> Iterator[bytes]:
        """The content. Raises Unavailable when the operator's directory has lost it."""
        try:
            with self.path(workspace_id, attachment_id).open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise Unavailable(f"the attachment's file cannot be read: {error.strerror}") from error

    def orphans(
        self, workspace_id: str, known: Callable[[list[str]], set[str]], *, written_before_s: float
    ) -> list[Path]:
        """Files of a workspace that no record names (`known`: of some ids, those with a record).

        Younger ones are left out: their record may be about to commit. What does not look like ours is left alone.
        """
        folder = self._folder / workspace_id
        if not _ID.fullmatch(workspace_id) or not folder.is_dir():
            return []
        ours = [one for one in sorted(folder.iterdir()) if _OURS.fullmatch(one.name) and one.is_file()]
        old = [one for one in ours if one.stat().st_mtime < written_before_s]
        named = known([one.name for one in old])
        return [one for one in old if one.name not in named]


def checked_folder(text: str, database: Path) -> Path:
    """Where attachments go: beside the database unless the settings say otherwise. Raises SetupError for a file."""
    folder = Path(text).expanduser() if text else database.with_name(f"{database.name}.attachments")
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"the attachments cannot be kept in {folder}: it is no directory")
    return folder


def _make_folder(folder: Path) -> None:
    """For the owner only, and there after a power cut."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
