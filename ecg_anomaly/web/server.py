"""The routes of the server beside Dash's own: uploads, downloads, and what keeps others out."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from dash import Dash
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import downloads, uploads
from ecg_anomaly.web.decisions import read_marks
from ecg_anomaly.web.workbench import Workbench

_FORM_FIELDS = 10
_UPLOAD_FOLDER = "upload"


def add_routes(app: Dash, bench: Workbench, hosts: Sequence[str]) -> None:
    """Add the routes.

    Parameters
    ----------
    app
        The application.
    bench
        The state of the server.
    hosts
        The names by which the server may be asked for; empty: any. A page of another site whose name was made to
        point to this machine is refused by that.
    """
    server: Flask = app.server
    server.config.update(MAX_CONTENT_LENGTH=uploads.MOST_BYTES, MAX_FORM_PARTS=uploads.MOST_FILES + _FORM_FIELDS)

    @server.before_request
    def _keep_others_out() -> tuple[str, int] | None:
        host = request.host.rpartition(":")[0] or request.host
        if hosts and host not in hosts:
            return "This server answers to the machine that it runs on alone.", 403
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin and origin.partition("://")[2] != request.host:
            return "Requests from other pages are not answered.", 403
        return None

    @server.after_request
    def _protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _policy(app)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @server.errorhandler(413)
    def _too_large(_: HTTPException) -> tuple[Response, int]:
        gigabytes = uploads.MOST_BYTES / 1024**3
        return _refuse(
            f"more than {gigabytes:g} GB, or more than {uploads.MOST_FILES} files, are not taken; cut the recording"
        ), 413

    @server.post("/recordings")
    def _upload() -> Response:
        # The page says what is wrong; a status of an error would be told in the browser's console, too.
        key = None
        try:
            bench.check()
            uploads.check_room(bench.library.root, request.content_length or 0)
            key = bench.library.new()
            folder = bench.library.folder(key) / _UPLOAD_FOLDER
            folder.mkdir()
            received = uploads.receive(request.files.getlist("file"), folder, bench.config.records.annotator)
            rate_hz, gain = (_number(request.form.get(name), name) for name in ("sampling_rate", "gain"))
            bench.open(key, received.path, received.name, rate_hz, gain)
        except UserError as error:
            bench.library.delete(key)
            return _refuse(str(error))
        except OSError as error:
            bench.library.delete(key)
            return _refuse(f"the files cannot be kept: {error.strerror}; free some space on the disk")
        return jsonify(key=key)

    @server.post("/recordings/<key>/leave")
    def _leave(key: str) -> tuple[str, int]:
        bench.library.leave(key)
        return "", 204

    @server.get("/recordings/<key>/<kind>")
    def _download(key: str, kind: str) -> Response | tuple[Response, int]:
        if kind not in downloads.FILES:
            return _refuse("there is no such file"), 404
        try:
            folder = bench.library.folder(key)
            stored = bench.stored(key)
            threshold = _number(request.args.get("threshold"), "threshold")
        except (UserError, OSError):
            return _refuse("this recording is not there any more; open it again"), 404
        model = float(stored.threshold.threshold)
        _, beats = bench.beats(key, model if threshold is None else threshold)
        content = downloads.make(kind, stored, beats, read_marks(folder))
        name = downloads.FILES[kind].format(uploads.shown(stored.told["recording"]))
        # A name of letters, digits and _.- needs no quotes; one that is not ASCII is encoded as RFC 6266 says.
        response = Response(content, mimetype=downloads.TYPES[kind])
        response.headers.set("Content-Disposition", "attachment", filename=name)
        return response


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


def _policy(app: Dash) -> str:
    """Say to the browser that nothing may be fetched from elsewhere."""
    scripts = " ".join(f"'{digest}'" if not digest.startswith("'") else digest for digest in app.csp_hashes())
    rules: dict[str, Any] = {
        "default-src": "'self'",
        "script-src": f"'self' {scripts}",
        "style-src": "'self' 'unsafe-inline'",  # Plotly sets styles of its own
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _number(text: str | None, name: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise UserError(f"{name.replace('_', ' ')} is no number; leave it empty, or write one") from None


def _refuse(message: str) -> Response:
    return jsonify(error=message)
