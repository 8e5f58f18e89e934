"""The server beneath the application, with real connections."""

import socket
import threading
from contextlib import ExitStack, closing

import pytest
from flask import Flask

from ecg_anomaly.web.server import MOST_BYTES_ELSEWHERE, UPLOADS
from ecg_anomaly.web.serving import make_server
from ecg_anomaly.web.uploads import MOST_BYTES

PATIENCE_S = 60


@pytest.fixture(scope="module")
def port():
    app = Flask(__name__)
    app.add_url_rule("/<path>", view_func=lambda path: path, methods=["GET", "POST"])
    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.pull_trigger()
    server.close()


def begin(port, request):
    """Send the beginning of a request, or all of one."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    connection.sendall(request.encode())
    return connection


def status(connection):
    with closing(connection):
        return int(connection.makefile().readline().split()[1])


@pytest.mark.parametrize(("path", "most"), [("/_dash-update-component", MOST_BYTES_ELSEWHERE), (UPLOADS, MOST_BYTES)])
def test_large_bodies_are_refused_before_they_arrive(port, path, most):
    header = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: "
    assert status(begin(port, f"{header}{most + 1}\r\n\r\n")) == 413
    assert status(begin(port, f"{header}5\r\n\r\nhello")) == 200


def test_requests_that_never_end_keep_nobody_waiting(port):
    with ExitStack() as unfinished:
        for number in range(40):
            header = "GET /a HTTP/1.1\r\nHost: a\r\n" + ("Content-Length: 9\r\n\r\nhel" if number % 2 else "")
            unfinished.enter_context(begin(port, header))
        assert status(begin(port, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")) == 200
