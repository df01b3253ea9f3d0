"""Where the CLI's words go: people on a terminal, plain lines into a pipe, JSON lines for programs."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from rayfarm.errors import ClientError

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Terminal escapes and what turns the direction of writing; line ends and tabs stay."""


class Output:
    """Results go to stdout, errors to stderr; with ``as_json`` stdout carries nothing but one JSON object a line."""

    def __init__(self, *, as_json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.as_json = as_json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._lock = threading.Lock()
        self.console = Console(file=self._stdout, highlight=False, soft_wrap=True)

    @property
    def is_live(self) -> bool:
        """A person looks at a terminal that can redraw."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and not self.as_json

    def say(self, text: str) -> None:
        """Lines for people; silent for programs."""
        if not self.as_json:
            text = printable(text)
            with self._lock:
                if self.console.is_terminal:
                    self.console.print(text, markup=False)
                else:  # rich would turn tabs into blanks
                    print(text, file=self._stdout, flush=True)

    def record(self, **fields: Any) -> None:
        """A line for programs; silent for people."""
        if self.as_json:
            with self._lock:
                print(json.dumps(fields, default=str, sort_keys=False), file=self._stdout, flush=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """Rows for people: aligned on a terminal, tab-separated into a pipe."""
        if self.as_json:
            return
        if not rows:
            self.say(empty)
        elif self.console.is_terminal:
            table = Table(*columns, box=None, header_style="bold", pad_edge=False)
            for row in rows:
                table.add_row(*(one_line(cell).replace("[", "\\[") for cell in row))
            self.console.print(table)
        else:
            for row in (columns, *rows):
                self.say("\t".join(one_line(cell) for cell in row))

    def error(self, error: ClientError) -> None:
        """Cause, then remedy."""
        self.trouble(code=error.code, message=error.message, remedy=error.remedy)

    def trouble(self, *, code: str, message: str, remedy: str | None, details: Mapping[str, Any] | None = None) -> None:
        if self.as_json:
            self.record(error={"code": code, "message": message, "remedy": remedy, **(details or {})})
            return
        console = Console(file=self._stderr, highlight=False, soft_wrap=True)
        console.print(f"error: {printable(message)}", markup=False, style="red" if console.is_terminal else None)
        if remedy:
            console.print(f"  fix: {printable(remedy)}", markup=False)

    def note(self, text: str) -> None:
        """A line beside the results: to stderr, never into a pipe's data."""
        Console(file=self._stderr, highlight=False, soft_wrap=True).print(printable(text), markup=False)


def printable(text: str) -> str:
    """What a farm, a scene or another user named, without what would steer the terminal: shown as ``�``."""
    return _STEERING.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The same where a line end or a tab would forge a row."""
    return printable(text).replace("\n", "\ufffd").replace("\t", "\ufffd")


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12.3 s`, `4:05`, `1:02:03`."""
    if seconds is None:
        return "?"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def size(count: int) -> str:
    """`512 B`, `1.4 MiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
