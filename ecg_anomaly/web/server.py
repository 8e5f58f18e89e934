"""The routes of the server beside Dash's own: uploads, marks, downloads, and what keeps others out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from dash import Dash
from flask import Flask, Response, jsonify, request, send_file
from flask_compress import Compress
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, RequestEntityTooLarge, SecurityError

from ecg_anomaly.errors import UserError
from ecg_anomaly.reports import print_page
from ecg_anomaly.web import downloads, fields, uploads
from ecg_anomaly.web.asked import is_callback
from ecg_anomaly.web.database import GoneError
from ecg_anomaly.web.jobs import Job
from ecg_anomaly.web.state import ServerState

UPLOADS = "/recordings"
MOST_BYTES_ELSEWHERE = 1024**2  # of a request that brings no files
ALIVE = "alive"  # a page asks for it, to learn whether the server still runs

_FORM_FIELDS = 10
_CALLBACKS, _BUNDLES, _ASSETS = "/_dash-update-component", "/_dash-component-suites/", "/assets/"
_YEAR_S = 365 * 24 * 3600
_READ_ONLY = ("GET", "HEAD", "OPTIONS")

# What a browser may do with the page: nothing is fetched from elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "  # Plotly sets styles itself
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}

_log = logging.getLogger(__name__)


def add_routes(app: Dash, state: ServerState, hosts: Sequence[str]) -> None:
    """Add the routes.

    The server may be asked for by the names ``hosts``; empty: by any. A page of another site whose name was made to
    point to this machine is refused by that.
    """
    server: Flask = app.server
    server.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES_ELSEWHERE,
        MAX_FORM_PARTS=uploads.MOST_FILES + _FORM_FIELDS,
        TRUSTED_HOSTS=list(hosts) or None,
        COMPRESS_CACHE_KEY=lambda asked: asked.full_path if asked.path.startswith(_BUNDLES) else "",
        COMPRESS_CACHE_BACKEND=_Bundles,
    )
    Compress(server)
    _add_guards(app, server)
    _add_errors(server)
    _add_uploads(server, state)
    _add_marks(server, state)
    _add_downloads(server, state)


class _Bundles(dict[str, bytes]):
    """Compressed bundles of components, which do not change while the server runs; nothing else is kept."""

    def set(self, key: str, value: bytes) -> None:
        """Keep what the name of a bundle stands for."""
        if _BUNDLES in key:
            self[key] = value


def _add_guards(app: Dash, server: Flask) -> None:
    """Refuse what is not for this page, and say what a browser may do with the answers, and may keep."""

    @server.before_request
    def _keep_others_out() -> None:
        origin = request.headers.get("Origin")
        if request.method not in _READ_ONLY and origin and origin.partition("://")[2] != request.host:
            raise Forbidden("Requests from other pages are not answered.")
        if request.view_args and set(request.view_args) == {"path"}:  # Dash shows its page for any path
            raise NotFound("There is no such page.")
        if request.path == _CALLBACKS and not is_callback(app, request.get_json(silent=True)):
            raise BadRequest("This is no request of the page.")

    @server.after_request
    def _protect(response: Response) -> Response:
        policy = _POLICY.format(scripts=" ".join(app.csp_hashes()))
        response.headers.update(_HEADERS)
        response.headers.setdefault("Content-Security-Policy", policy)
        if request.path.startswith(_ASSETS) and "m" in request.args and response.status_code < 400:
            response.cache_control.max_age = _YEAR_S  # the address has the time of the latest change
            response.cache_control.no_cache = None
        elif not request.path.startswith(_BUNDLES):
            response.headers["Cache-Control"] = "no-store"
        elif response.cache_control.max_age is None:  # which Dash sets where the address has the version
            response.cache_control.no_cache = True
        return response


def _add_errors(server: Flask) -> None:
    """Say in words what is wrong, whatever it is."""

    @server.errorhandler(HTTPException)
    def _refused(error: HTTPException) -> tuple[Response, int]:
        words = error.description
        if isinstance(error, RequestEntityTooLarge):
            words = "This is more than the page ever sends."
            if request.path == UPLOADS:
                most = f"{uploads.MOST_BYTES / 1024**3:g} GB, or more than {uploads.MOST_FILES} files"
                words = f"more than {most}, are not taken; cut the recording"
        elif isinstance(error, SecurityError):
            words = "This server answers to the machine that it runs on alone."
        return jsonify(error=words), error.code or 500

    @server.errorhandler(UserError)
    def _wrong(error: UserError) -> tuple[Response, int]:
        return jsonify(error=fields.by_label(str(error))), 404 if isinstance(error, GoneError) else 400

    @server.errorhandler(Exception)
    def _failed(error: Exception) -> tuple[Response, int]:
        _log.error("%s %r failed", request.method, request.path, exc_info=error)
        return jsonify(error="something went wrong; the terminal in which the application runs says what"), 500


def _add_uploads(server: Flask, state: ServerState) -> None:
    @server.post(UPLOADS)
    def _upload() -> Response:
        # The page says what is wrong; the browser's console would show a status of an error, too.
        request.max_content_length = uploads.MOST_BYTES
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

    @server.delete("/recordings/<key>")
    def _delete(key: str) -> tuple[str, int]:
        state.recordings.delete(key)
        return "", 204

    @server.post("/recordings/<key>/analyse")
    def _analyse_again(key: str) -> tuple[str, int]:
        state.check_model()
        state.recordings.analyse_again(key)
        return "", 204


def _add_marks(server: Flask, state: ServerState) -> None:
    @server.post("/recordings/<key>/marks")
    def _mark(key: str) -> Response:
        sent = _sent()
        rows, texts = sent.get("rows"), [sent.get(name, "") for name in ("mark", "what", "by")]
        if not isinstance(rows, list) or not all(isinstance(text, str) for text in texts):
            raise BadRequest("A mark needs the rows of beats, and texts that say what, and who marks them.")
        state.recordings.mark(key, rows, *texts)
        return jsonify(state.recordings.history(key).to_json())

    for name, act in (("undo", state.recordings.undo), ("redo", state.recordings.redo)):
        server.add_url_rule(f"/recordings/<key>/{name}", name, _stepper(state, act), methods=["POST"])


def _stepper(state: ServerState, act: Callable[[str], None]) -> Callable[[str], Response]:
    """Answer to undo or redo; a page that says which version it shows does nothing that it does not show."""

    def step(key: str) -> Response:
        shown = _sent().get("version")
        if shown is None or shown == state.recordings.history(key).version:
            act(key)
        return jsonify(state.recordings.history(key).to_json())

    return step


def _sent() -> dict[str, Any]:
    """Read the JSON object of a request; none is an empty one."""
    try:
        sent = request.get_json() if request.content_length else {}
        json.dumps(sent, ensure_ascii=False).encode()  # half a character, which JSON may hold, is no text
    except (RecursionError, UnicodeEncodeError):
        raise BadRequest("This is no text, or nested too deeply.") from None
    if not isinstance(sent, dict):
        raise BadRequest("This is no JSON object.")
    return sent


def _add_downloads(server: Flask, state: ServerState) -> None:
    @server.get("/recordings/<key>/<kind>")
    def _download(key: str, kind: str) -> Response:
        if kind not in downloads.FILES:
            raise NotFound("There is no such file.")
        reviewed = state.recordings.review(key, _threshold())
        name = downloads.FILES[kind].format(uploads.shown(reviewed.summary["recording"]))
        return send_file(io.BytesIO(downloads.make(kind, reviewed)), as_attachment=True, download_name=name)

    @server.get("/recordings/<key>/print")
    def _print(key: str) -> Response:
        recordings = state.recordings
        reviewed = recordings.review(key, _threshold())
        page = Response(print_page.render(reviewed, recordings.history(key).actions, recordings.model(key)))
        own = base64.b64encode(hashlib.sha256(print_page.SCRIPT.encode()).digest()).decode()
        page.headers["Content-Security-Policy"] = _POLICY.format(scripts=f"'sha256-{own}'")
        return page


def _threshold() -> float | None:
    """Read the threshold that is asked for, if there is one."""
    try:
        return float(text) if (text := request.args.get("threshold")) else None
    except ValueError:
        raise BadRequest("This threshold is no number.") from None
