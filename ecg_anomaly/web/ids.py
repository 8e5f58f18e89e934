"""Names of the parts of the page that callbacks read or write."""

MODEL, TAKE_OFFERED = "model", "take-offered"
DROP, RECORD, OPEN_RECORD, OPEN_EXAMPLE = "drop", "record", "open-record", "open-example"
READING, LEADS, RATE, GAIN, AGAIN = "reading", "leads", "rate", "gain", "again"
WORKING, BAR, CANCEL, MESSAGE, POLL = "working", "bar", "cancel", "message", "poll"
OPENED, READY, RECORDING_PARTS, CLOSE = "opened", "ready", "recording-parts", "close"

HEADLINE, OVERVIEW = "headline", "overview-figure"

LIST, ORDER, CALLED, REASONS, LIST_PAGE = "list", "order", "called", "reasons", "list-page"
PAGE_BACK, PAGE_WORDS, PAGE_ON = "page-back", "page-words", "page-on"
BEAT, AT, CLICKED, KEYS = "beat", "at", "clicked", "keys"
PREVIOUS, NEXT, EARLIER, LATER = "previous", "next", "earlier", "later"
MARKED, MARK_RIGHT, MARK_WRONG, MARK_NONE = "marked", "mark-right", "mark-wrong", "mark-none"
BEAT_WORDS, PAPER, PAPER_CONTENT = "beat-words", "paper", "paper-content"
ON_PAPER, BEAT_FIGURE = "on-paper", "beat-figure"

SIGNAL, VIEW, SHADES = "signal-figure", "view", "shades"
SIGNAL_CALLIPERS, SIGNAL_READOUT = "signal-callipers", "signal-readout"
PAPER_CALLIPERS, PAPER_READOUT = "paper-callipers", "paper-readout"
SCALE, PAPER_BACK, PAPER_ON = "scale", "paper-back", "paper-on"
MOVES = {by: f"move-{by}" for by in ("in", "out", "left", "right", "all", "beat")}

THRESHOLD, THRESHOLD_LABEL, RESET, OUTCOME = "threshold-value", "threshold-label", "reset", "outcome"
DOWNLOADS = {kind: f"download-{kind}" for kind in ("beats", "annotations", "report")}

LIVE_RECORD, SPEED, PLAY, STOP, PLAYING, LIVE_TICK = "live-record", "speed", "play", "stop", "playing", "live-tick"
LIVE_WORDS, LIVE_FIGURE, LIVE_PART, LIVE_NEWS = "live-words", "live-figure", "live-part", "live-news"
