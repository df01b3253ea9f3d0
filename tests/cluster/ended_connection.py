"""A connection that its server ended: for a minute the kernel keeps it, and with it the port (TIME_WAIT)."""

from __future__ import annotations

import socket


def leave_ended_connection(port: int) -> None:
    """As a replica of Serve leaves one: its listener is a plain socket, without `SO_REUSEADDR`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = listener.accept()
            accepted.close()
            assert client.recv(1) == b""
