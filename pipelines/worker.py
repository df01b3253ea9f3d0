"""The child process: confines itself, imports one engine, does what the parent says, ends with ``os._exit``."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import models.formats  # noqa: F401  # found now: once confined, the folder above cannot be looked through again
from jobs.states import EndReason
from pipelines.base import Engine, Tally
from pipelines.errors import EngineError
from pipelines.own_log import OwnLog
from pipelines.protocol import (
    CloseCommand,
    Command,
    CountedWork,
    FailedEvent,
    LoadCommand,
    LoadedEvent,
    ProgressEvent,
    ReadyEvent,
    RenderCommand,
    RenderedEvent,
    parse_command,
)
from pipelines.sandbox import ORDERS, SandboxLimits, SandboxReport, enter

_PROGRESS_INTERVAL_S = 0.1
"""Blender's handlers can fire thousands of times a second while a scene syncs."""


class EngineWorker:
    """Serves one engine over one socket."""

    def __init__(self, *, connection: socket.socket, frame_log_bytes: int, error_log_bytes: int) -> None:
        self._connection = connection
        self._log = OwnLog()
        self._frame_log_bytes = frame_log_bytes
        self._error_log_bytes = error_log_bytes
        self._sending = threading.Lock()  # progress may come from a thread of the engine
        self._last_progress = 0.0

    def serve(self, engine_module: str, report: SandboxReport) -> None:
        """Import the engine, say so, then obey until told to close."""
        try:
            engine: Engine = importlib.import_module(engine_module).create_engine()
        except Exception as error:
            traceback.print_exc()
            self._send(
                FailedEvent(
                    call=None,
                    reason=EndReason.INFRA,
                    message=f"The engine {engine_module} does not start: {type(error).__name__}: {error}",
                    remedy="Install the extra of this pipeline and the system libraries that its documentation names.",
                )
            )
            return
        self._send(ReadyEvent.of(report))
        for command in self._commands():
            if isinstance(command, CloseCommand):
                return
            self._obey(engine, command)

    def _obey(self, engine: Engine, command: LoadCommand | RenderCommand) -> None:
        call = command.call
        self._log.begin()
        try:
            if isinstance(command, LoadCommand):
                self._send(LoadedEvent.of(call, engine.load(command.model_files())))
                return
            request = command.request()
            request.scratch.mkdir(parents=True, exist_ok=True)
            self._last_progress = 0.0
            output = engine.render(request, partial(self._progress, call))
            self._send(RenderedEvent.of(call, output, self._log.text(self._frame_log_bytes)))
        except EngineError as error:
            self._fail(call, error.reason, error.message, error.remedy)
        except MemoryError as error:
            traceback.print_exc()
            self._fail(call, EndReason.OUT_OF_MEMORY, f"The engine ran out of memory. {error}".strip())
        except Exception as error:
            traceback.print_exc()
            self._fail(call, EndReason.ENGINE_ERROR, f"{type(error).__name__}: {error}")

    def _fail(self, call: int, reason: EndReason, message: str, remedy: str | None = None) -> None:
        log = self._log.text(self._error_log_bytes)
        self._send(FailedEvent(call=call, reason=reason, message=message, remedy=remedy, log=log))

    def _progress(self, call: int, fraction: float, text: str, tally: Tally | None = None) -> None:
        now = time.monotonic()
        if now - self._last_progress < _PROGRESS_INTERVAL_S:
            return
        self._last_progress = now
        counted = None if tally is None else CountedWork.of(tally)
        self._send(ProgressEvent(call=call, fraction=min(1.0, max(0.0, fraction)), text=text, counted=counted))

    def _commands(self) -> Iterator[Command]:
        with self._connection.makefile("rb") as lines:
            for line in lines:
                yield parse_command(line)

    def _send(self, event: ReadyEvent | ProgressEvent | LoadedEvent | RenderedEvent | FailedEvent) -> None:
        line = event.line()
        with self._sending:
            self._connection.sendall(line)


def end_with_the_parent(connection: socket.socket) -> None:
    """Watchdog: when the parent's end closes, the process ends, even in the middle of a frame."""

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, name="parent-watchdog", daemon=True).start()


def main(arguments: list[str]) -> NoReturn:
    parser = argparse.ArgumentParser(prog="pipelines.worker")
    parser.add_argument("--fd", type=int, required=True, help="socket to the parent")
    parser.add_argument("--engine", required=True, help="module with create_engine()")
    parser.add_argument("--parent-pid", type=int, required=True)
    options = parser.parse_args(arguments)
    exit_code = 1
    try:
        os.set_inheritable(options.fd, False)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever the parent's thread had blocked
        orders = json.loads(os.environ.pop(ORDERS))
        with suppress(ImportError):  # as above: an engine may come from a package of another name
            importlib.import_module(options.engine.partition(".")[0])
        report = enter(
            SandboxLimits(**orders["limits"]),
            parent_pid=options.parent_pid,
            writable=map(Path, orders["writable"]),
            readable=map(Path, orders["readable"]),
        )
        faulthandler.enable()  # a crash leaves its Python stack in the parent's log tail
        connection = socket.socket(fileno=options.fd)
        end_with_the_parent(connection)
        logs = orders["logs"]
        EngineWorker(connection=connection, frame_log_bytes=logs["frame"], error_log_bytes=logs["error"]).serve(
            options.engine, report
        )
        exit_code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)  # bpy segfaults or hangs in the interpreter's own exit


if __name__ == "__main__":
    main(sys.argv[1:])
