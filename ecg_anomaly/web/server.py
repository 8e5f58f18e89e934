"""The routes of the server beside Dash's own: uploads, downloads, and what keeps others out."""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence

from dash import Dash
from flask import Flask, Response, jsonify, request, send_file
from werkzeug.exceptions import HTTPException

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import downloads, fields, uploads
from ecg_anomaly.web.jobs import Job
from ecg_anomaly.web.state import ServerState

_FORM_FIELDS = 10

# What a browser may do with the page: nothing is fetched from elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "  # Plotly sets styles itself
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}


def add_routes(app: Dash, state: ServerState, hosts: Sequence[str]) -> None:
    """Add the routes.

    The server may be asked for by the names ``hosts``; empty: by any. A page of another site whose name was made to
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
        policy = _POLICY.format(scripts=" ".join(app.csp_hashes()))
        response.headers.update({**_HEADERS, "Content-Security-Policy": policy})
        return response

    @server.errorhandler(413)
    def _too_large(_: HTTPException) -> tuple[Response, int]:
        most = f"{uploads.MOST_BYTES / 1024**3:g} GB, or more than {uploads.MOST_FILES} files"
        return jsonify(error=f"more than {most}, are not taken; cut the recording"), 413

    @server.post("/recordings")
    def _upload() -> Response:
        # The page says what is wrong; the browser's console would show a status of an error, too.
        try:
            state.check_model()
            uploads.check_room(state.recordings.root, request.content_length or 0)
            with state.recordings.opening() as (key, folder):
                upload = folder / "upload"
                upload.mkdir()
                path, name = uploads.receive(
                    request.files.getlist("file"), upload, state.config.records.annotator_of("upload")
                )
                entered = fields.read(*(request.form.get(field) for field in ("leads", "sampling_rate", "gain")))
                state.recordings.analyse(Job(folder, path, name, entered))
        except UserError as error:
            return jsonify(error=fields.by_label(str(error)))
        except OSError as error:
            return jsonify(error=f"the files cannot be kept: {error.strerror}; free some space on the disk")
        return jsonify(key=key)

    @server.get("/recordings/<key>/<kind>")
    def _download(key: str, kind: str) -> Response | tuple[Response, int]:
        if kind not in downloads.FILES:
            return jsonify(error="there is no such file"), 404
        try:
            threshold = request.args.get("threshold")
            reviewed = state.recordings.review(key, float(threshold) if threshold else None)
        except (UserError, OSError, ValueError):
            return jsonify(error="this recording is not there any more; open it again"), 404
        name = downloads.FILES[kind].format(uploads.shown(reviewed.summary["recording"]))
        content = io.BytesIO(downloads.make(kind, reviewed))
        return send_file(content, as_attachment=True, download_name=name)


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
