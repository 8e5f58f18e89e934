"""The server beneath the application: which connections and requests it takes, and what it writes to the terminal."""

from __future__ import annotations

import copy
import logging
import re
import socket
from typing import Any

from flask import Flask
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecg_anomaly.errors import UserError
from ecg_anomaly.web.server import MOST_BYTES_ELSEWHERE, UPLOADS
from ecg_anomaly.web.uploads import MOST_BYTES

# Requests that never come to their end hold neither a thread nor, for long, a connection.
_THREADS, _CONNECTIONS = 16, 800
_SILENT_S, _LOOK_EVERY_S = 20, 5

# Line ends and escape sequences, and what turns the direction of text around.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def make_server(app: Flask, host: str, port: int) -> Any:
    """Make the server, which listens; its ``run`` serves until Ctrl-C."""
    import waitress
    from waitress.channel import HTTPChannel
    from waitress.parser import HTTPRequestParser

    class Parser(HTTPRequestParser):
        """Reads requests; what is too large for its path is refused before it is received."""

        adj: Any

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if self.path != UPLOADS:
                self.adj = copy.copy(self.adj)
                self.adj.max_request_body_size = MOST_BYTES_ELSEWHERE

    _log_to_terminal()
    threadpool_limits(1, "blas")  # requests have threads of their own, and those of linear algebra wait for each other
    HTTPChannel.parser_class = Parser  # waitress itself knows one size for all paths
    return waitress.create_server(
        app,
        host=host,
        port=port,
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        channel_timeout=_SILENT_S,
        cleanup_interval=_LOOK_EVERY_S,
        asyncore_use_poll=True,  # select allows for fewer connections
        max_request_body_size=MOST_BYTES,
    )


def check_free_port(host: str, port: int) -> None:
    """Check that nobody serves there yet.

    Raises
    ------
    UserError
        When the address cannot be taken.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port} of {host} cannot be used ({error}); name another one") from None


def _log_to_terminal() -> None:
    """Write warnings and errors to the terminal, each in a line that no request can forge."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogLines("%(asctime)s %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class LogLines(logging.Formatter):
    """Log lines: what a request brought is escaped, and further lines of a message or a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        lines = super().format(record).split("\n")
        return "\n    ".join(_UNPRINTABLE.sub(_escaped, line) for line in lines)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
