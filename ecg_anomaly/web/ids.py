"""Names of the parts of the page that callbacks read or write."""

DROP, RECORDS, OPEN_RECORDS, OPEN_EXAMPLE = "drop", "records", "open-records", "open-example"
READING, LEADS, RATE, GAIN, AGAIN = "reading", "leads", "rate", "gain", "again"
WORKING, BAR, CANCEL, MESSAGE, POLL = "working", "bar", "cancel", "message", "poll"
DISMISS, OFFLINE, NEWS = "dismiss", "offline", "news"
OPENED, READY, RECORDING_PARTS = "opened", "ready", "recording-parts"

WORKLIST, DELETING, DELETED = "worklist-grid", "deleting", "deleted"
DELETE_DIALOG, DELETE_WORDS, DELETE_YES, DELETE_NO = "delete-dialog", "delete-words", "delete-yes", "delete-no"

OPEN_PARTS = "open-parts"
BAR_NAME, BAR_PROGRESS, BAR_THRESHOLD = "bar-name", "bar-progress", "bar-threshold"
HEADLINE, OVERVIEW = "headline", "overview-figure"

LISTED, MARKS, TAB, OTHERS = "listed", "marks", "tab", "others"
REVIEWER, UNDO, REDO, UNSENT, UNMARKED, GO_ON = "reviewer", "undo", "redo", "unsent", "unmarked", "go-on"
CHOSEN = {list_: f"{list_}-chosen" for list_ in ("groups", "beats")}  # says what the buttons below would mark
GROUPS, GROUP_WORDS, NEXT_OF_GROUP = "groups-grid", "group-words", "next-of-group"
BEATS, BEATS_WORDS, GO_TO = "beats-grid", "beats-words", "go-to"
FILTERS = {column: f"filter-{column}" for column in ("called", "reason", "group", "mark")}
KINDS, EVENTS, EVENT_WORDS = "kinds-grid", "events-grid", "event-words"
WORSE_EVENT, NEXT_EVENT, ALL_EVENTS = "worse-event", "next-event", "all-events"
MANY = {mark: {list_: f"{list_}-{mark}" for list_ in ("groups", "beats")} for mark in ("right", "wrong", "none")}
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

THRESHOLD, THRESHOLD_FIELD, RESET, OUTCOME = "threshold-value", "threshold-field", "reset", "outcome"
DOWNLOADS = {kind: f"download-{kind}" for kind in ("beats", "annotations", "report", "print")}

LIVE_SOURCE, SPEED, LIVE_AT, LIVE_GAIN, LIVE_FIND = "live-source", "speed", "live-at", "live-gain", "live-find"
PLAY, PAUSE, STOP, LIVE_GO, PLAYING, LIVE_TICK = "play", "pause", "stop", "live-go", "playing", "live-tick"
LIVE_STEPS = {step_s: f"live-step{step_s:+d}" for step_s in (-60, -10, 10, 60)}  # seconds
LIVE_FOUND, LIVE_STATE, LIVE_WORDS = "live-found", "live-state", "live-words"
LIVE_FIGURE, LIVE_PART, LIVE_TOLD, LIVE_NEWS = "live-figure", "live-part", "live-told", "live-news"
