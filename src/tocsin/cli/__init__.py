"""The command line. Exit status: 0 done, 1 refused or failed (the message says what to do), 2 wrong usage, 3 done, but
some lines were set aside, 130 interrupted."""

from tocsin.cli.main import main

__all__ = ["main"]
