/* The lists of the page, and marks: what is marked shows at once, and goes to the server in its order, however long
   that takes. */
(() => {
  "use strict";
  const { set, say, on } = window.ecg;
  const COLUMNS = ["row", "time_s", "score", "called", "reason", "group"];
  const SIGNS = { right: "✓ right", wrong: "✗ wrong" };
  const DAY_S = 86400;
  const element = (id) => document.getElementById(id);
  const narrow = () => matchMedia("(max-width: 999px)").matches;

  let waiting = null; // what was said of the marks before the list came
  let listed = null; // what the server lists of the recording that is shown
  let rowsOf = new Map(); // the rows of beats in each group, by its number
  let current = null; // row of the beat that is looked at
  let place = null; // where it stood in the list, to go on from there when a mark takes it away
  let marks = new Map(); // by row
  let saved = null; // marks that the server knows
  let local = []; // marks that it may not know yet, with the version that has them once it does
  let lowered = new Set(), raised = []; // by marks on others
  let tab = "groups";
  const only = { called: [], reason: [], group: [], mark: [], kind: null, unmarked: false };

  /* Grids. */

  const grids = {};
  const grid = async (id) => {
    if (grids[id]) return grids[id];
    const api = await window.dash_ag_grid.getApiAsync(`${id}-grid`);
    if (grids[id]) return grids[id];
    grids[id] = api;
    const act = (event) => ACTS[id](event.data, event.column.getColId(), event.event);
    api.addEventListener("cellClicked", (event) => {
      if (!event.column.getColId().startsWith("ag-Grid") && !event.event.shiftKey && !event.event.ctrlKey) act(event);
    });
    api.addEventListener("cellKeyDown", (event) => { if (event.event.key === "Enter") act(event); });
    for (const name of ["tabToNextCell", "tabToNextHeader"]) api.setGridOption(name, () => false); // arrows move within
    if (narrow()) { // what is to be done in sight
      api.moveColumns([id === "worklist" ? "key" : "mark"], id === "worklist" ? 1 : 2);
      if (id === "groups") api.setColumnsVisible(["number"], false);
      if (id === "kinds") api.setColumnsVisible(["together_s"], false);
    }
    if (id in PASSES) {
      api.setGridOption("isExternalFilterPresent", () => true);
      api.setGridOption("doesExternalFilterPass", (node) => PASSES[id](node.data));
      if (id === "beats") api.addEventListener("modelUpdated", countBeats);
    }
    for (const [names, shows] of [[["groups", "beats"], showChosenWords], [["kinds"], showKind]]) {
      if (names.includes(id)) api.addEventListener("selectionChanged", shows);
    }
    return api;
  };
  const among = (values, value) => !values?.length || values.includes(value);
  const done = (row) => marks.has(row) || lowered.has(row);
  const PASSES = {
    groups: (group) => !only.unmarked || !(rowsOf.get(group.number) ?? []).every(done),
    beats: (beat) => among(only.called, beat.called) && among(only.reason, beat.reason) &&
      among(only.group, String(beat.group)) && among(only.mark, marks.get(beat.row) ?? "none") &&
      !(only.unmarked && done(beat.row)),
    events: (event) => only.kind === null || event.kind === only.kind,
  };
  const ACTS = {
    worklist: (recording, column) => {
      const failed = recording.progress === "failed";
      if (failed && column === "state") return again(recording);
      if (failed && column !== "key") return say(`${recording.name}: ${recording.reason}`);
      if (column !== "key") return set("opened", { data: recording.key });
      set("deleting", { data: recording.key });
      set("delete-words", { children: `Delete ${recording.name}, its results and its marks for good?` });
      element("delete-dialog").showModal();
    },
    groups: (group, _column, event) => {
      const [first] = rowsOf.get(group.number) ?? [];
      if (first !== undefined) choose(first);
      showChosen(event);
    },
    beats: (beat, _column, event) => { choose(beat.row); showChosen(event); },
    kinds: async (kind, _column, cause) => {
      only.kind = kind.kind;
      const api = await grid("events");
      api.applyColumnState({ defaultState: { sort: null } }); // the worst first
      api.onFilterChanged();
      await goToEvent(api.getDisplayedRowAtIndex(0));
      showChosen(cause);
    },
    events: async (event, _column, cause) => {
      await goToEvent((await grid("events")).getRowNode(event.id));
      showChosen(cause);
    },
  };
  for (const answer of ["delete-yes", "delete-no"]) on[answer] = () => element("delete-dialog").close();
  /* After a click keys are meant for the beat, which a narrow page has to go to; after Enter they stay in the list. */
  const showChosen = (event) => {
    if (event instanceof KeyboardEvent) return;
    element("strip").focus({ preventScroll: true });
    if (narrow()) element("strip").scrollIntoView();
  };
  const again = async (recording) => {
    const answer = await fetch(`/recordings/${recording.key}/analyse`, { method: "POST" });
    if (!answer.ok) say(`${recording.name}: ${(await answer.json()).error}`);
    set("poll", { disabled: false });
  };

  const beatRows = async () => {
    const rows = [], number = await groupInUse();
    if (number !== null) return rowsOf.get(number) ?? [];
    (await grid("beats")).forEachNodeAfterFilterAndSort((node) => rows.push(node.data.row));
    return rows;
  };
  /* The group that is stepped through. */
  const groupInUse = async () => {
    const chosen = tab === "groups" ? (await grid("groups")).getSelectedRows() : [];
    return chosen.length === 1 ? chosen[0].number : null;
  };
  const showChosenWords = async () => {
    const [number, its, beats] = [await groupInUse(), (await grid("groups")).getSelectedRows(), (await grid("beats")).getSelectedRows()];
    const count = its.reduce((sum, group) => sum + (rowsOf.get(group.number) ?? []).length, 0);
    const all = number === null ? `${its.length} groups` : groupName(its[0]);
    set("groups-chosen", { children: its.length ? `Mark ${all} (${beatsOf(count)}):` : "Mark the chosen groups:" });
    set("beats-chosen", { children: beats.length ? `Mark ${beatsOf(beats.length)}:` : "Mark the chosen beats:" });
    set("group-words", { children: number === null
      ? "Choose a group to go through its beats, or several to mark them at once."
      : `n and p go through the beats of ${groupName(its[0])}; r and w mark one beat, R and W (with Shift) all of the group.` });
  };
  const beatsOf = (count) => `${count.toLocaleString("en")} beat${count === 1 ? "" : "s"}`;
  const groupName = (group) => (group.number ? `group ${group.number}` : "what is in no group");
  const countBeats = async () => {
    let [shown, left] = [0, 0];
    (await grid("beats")).forEachNodeAfterFilter((node) => { shown += 1; left += !done(node.data.row); });
    const all = listed?.row.length ?? 0;
    const reviewed = (listed?.row ?? []).reduce((sum, row) => sum + done(row), 0);
    set("bar-progress", { children: listed ? `${reviewed.toLocaleString("en")} of ${all.toLocaleString("en")} reviewed` : "" });
    const by_marks = lowered.size || raised.length
      ? ` Your marks have lowered ${lowered.size.toLocaleString("en")} others below the threshold, and raised ${raised.length.toLocaleString("en")} above it.` : "";
    set("beats-words", { children: `${shown.toLocaleString("en")} beats are listed, ${left.toLocaleString("en")} of them without a mark.${by_marks}` });
  };
  const refresh = async () => {
    for (const id of ["groups", "beats"]) {
      const api = await grid(id);
      api.refreshCells({ columns: ["mark"], force: true });
      if (only.unmarked || (id === "beats" && only.mark?.length)) api.onFilterChanged();
    }
  };

  /* Beats. */

  const choose = async (row) => {
    current = row;
    set("beat", { data: row });
    if (listed && row !== null) sessionStorage.setItem(`beat of ${listed.key}`, row);
    await showPlace();
  };
  const showPlace = async () => {
    const rows = await beatRows();
    place = rows.indexOf(current);
    if (place < 0) place = null;
    const api = await grid("beats"), node = current === null ? null : api.getRowNode(String(current));
    if (!node?.displayed) return;
    if (!node.isSelected()) node.setSelected(true, true);
    api.ensureNodeVisible(node);
  };
  /* Events. */

  const goToEvent = async (node) => {
    if (!node) return;
    const api = await grid("events");
    node.setSelected(true, true);
    api.ensureNodeVisible(node);
    const { kind, words, start_s, length_s } = node.data;
    let count = 0;
    api.forEachNodeAfterFilter(() => { count += 1; });
    set("event-words", { children: `${(node.rowIndex + 1).toLocaleString("en")} of ${count.toLocaleString("en")}${only.kind === null ? "" : `, ${kind}`}: ${words}, at ${timeOfDay(start_s)}.` });
    set("at", { data: [start_s + length_s / 2, length_s] });
  };
  const stepEvent = async (by) => {
    const api = await grid("events"), [before] = api.getSelectedNodes();
    const place = before?.displayed ? before.rowIndex + by : 0;
    await goToEvent(api.getDisplayedRowAtIndex(Math.max(0, Math.min(place, api.getDisplayedRowCount() - 1))));
  };
  const showKind = async () => {
    const [kind] = (await grid("kinds")).getSelectedRows();
    only.kind = kind?.kind ?? null;
    (await grid("events")).onFilterChanged();
  };
  on["all-events"] = async () => (await grid("kinds")).deselectAll();

  const step = async (by) => {
    if (tab === "events") return stepEvent(by);
    const rows = await beatRows();
    if (!rows.length) return;
    let next = rows.indexOf(current);
    if (next >= 0) next += by;
    else if (place !== null) next = by > 0 ? place : place - 1;
    else next = rows.reduce((best, row, at) => (Math.abs(row - current) < Math.abs(rows[best] - current) ? at : best), 0);
    const row = rows[Math.max(0, Math.min(next, rows.length - 1))];
    if (row !== current) await choose(row);
  };
  const neighbour = (by) => {
    if (listed && current !== null) choose(Math.max(0, Math.min(current + by, listed.beats - 1)));
  };
  /* One step after the other, also when keys come faster than lists are sorted. */
  let steps = Promise.resolve();
  const inTurn = (act) => () => { steps = steps.then(act); };
  on.next = inTurn(() => step(1));
  on.previous = inTurn(() => step(-1));
  on["next-of-group"] = on["next-event"] = on.next;
  on["worse-event"] = on.previous;
  on.later = inTurn(() => neighbour(1));
  on.earlier = inTurn(() => neighbour(-1));

  const pad = (number) => String(number).padStart(2, "0");
  const clock = (s) => (s == null ? "" : `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(Math.floor(s) % 60)}`);
  /* As words.clock_time, without the zone, which the figures name. */
  const timeOfDay = (s) => {
    if (s == null || listed?.clock_s == null) return clock(s);
    const day = Math.floor((listed.clock_s + s) / DAY_S);
    return `${day ? `day ${day + 1}, ` : ""}${clock(listed.clock_s + s - day * DAY_S).padStart(8, "0")}`;
  };
  const goTo = (text) => {
    const parts = text.trim().split(":").map(Number);
    if (!listed || parts.length > 3 || parts.some((part) => !(part >= 0))) return say(`“${text}” is no time; write it as h:mm:ss.`);
    let time_s = parts.reduce((sum, part) => 60 * sum + part, 0);
    if (listed.clock_s != null) time_s = (time_s - listed.clock_s + DAY_S) % DAY_S; // of the day, as the list says it
    set("at", { data: [time_s, null] });
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.id === "go-to") goTo(event.target.value);
  });

  /* Marks. */

  const MOST_WAIT_MS = 4000;
  let queue = JSON.parse(sessionStorage.getItem("unsent") ?? "[]"), sending = false, version = null;

  const showQueue = () => {
    sessionStorage.setItem("unsent", JSON.stringify(queue));
    const slow = queue.length && (offline || Date.now() - queue[0].at > 1000);
    set("unsent", { hidden: !slow, children: slow ? `${queue.length} not saved yet: keep this page open` : "" });
  };
  const showHistory = ({ undo, redo }) => {
    for (const [id, name, words] of [["undo", "Undo", undo], ["redo", "Redo", redo]]) {
      set(id, { disabled: !words, children: words ? `${name}: ${words}` : name, title: words });
    }
  };
  let last = 0;
  const push = (act, body) => {
    last = Math.max(Date.now(), last + 1); // which tells one from the other
    queue.push({ key: listed.key, act, body, at: last });
    showQueue();
    send();
    return last;
  };
  const post = async ({ key, act, body }) => {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    if (act !== "marks" && version !== null) request.body = JSON.stringify({ version });
    try {
      const answer = await fetch(`/recordings/${encodeURIComponent(key)}/${act}`, request);
      if (answer.status >= 500) return null;
      return await answer.json();
    } catch {
      return null; // the server does not answer, or not as it should
    }
  };
  const send = async () => {
    if (sending) return;
    sending = true;
    let wait_ms = 250, answer = null, key = null;
    while (queue.length) {
      const [next] = queue;
      answer = await post(next);
      if (answer === null) {
        await new Promise((resolve) => setTimeout(resolve, wait_ms));
        wait_ms = Math.min(2 * wait_ms, MOST_WAIT_MS);
        showQueue();
        continue;
      }
      queue.shift();
      key = next.key;
      if (answer.error) say(`Not marked: ${answer.error}`);
      for (const mark of local) if (mark.at === next.at) mark.version = answer.version ?? -1;
      if (next.key === listed?.key && answer.version !== undefined) version = answer.version;
    }
    sending = false;
    showQueue();
    if (answer === null || key !== listed?.key) return;
    if (!answer.error) showHistory(answer);
    set("marked", { data: [key, answer.version ?? Date.now()] });
  };

  /* What a mark taught, once the server has counted it. */
  let told = null; // the mark that was told last, and the version before it
  const sayTaught = (now, fewer, more) => {
    if (told === null || now === told.version) return;
    const changes = [[fewer, "fewer flagged", "no longer lowered"], [more, "more flagged", "no longer raised"]]
      .filter(([change]) => change)
      .map(([change, words, back]) => `${beatsOf(Math.abs(change))} ${change > 0 ? words : back}`);
    set("news", { children: `${told.words}. ${changes.length ? `What it taught: ${changes.join(", ")}` : "No other beat changed"}.` });
    told = null;
  };

  const mergeMarks = () => {
    marks = new Map(saved);
    for (const { rows, mark } of local) for (const row of rows) mark ? marks.set(row, mark) : marks.delete(row);
  };
  const mark = async (rows, name, what) => {
    if (!listed || !rows.length || rows.every((row) => (marks.get(row) ?? "") === name)) return;
    const at = push("marks", { rows, mark: name, what, by: element("reviewer")?.value ?? "" });
    local.push({ rows, mark: name, at });
    mergeMarks();
    const done_words = `${what}: ${SIGNS[name] ?? "no mark"}`;
    set("undo", { disabled: false, children: `Undo: ${done_words}` });
    set("news", { children: done_words });
    told = { words: done_words, version };
    await refresh();
  };
  const markCurrent = (name) => inTurn(async () => {
    if (current === null) return;
    const node = (await grid("beats")).getRowNode(String(current));
    await mark([current], name, node ? `beat at ${timeOfDay(node.data.time_s)}` : `beat ${current + 1} of the recording`);
    if (element("go-on")?.checked) await step(1);
  });
  const markMany = (list, name) => inTurn(async () => {
    const its = (await grid(list)).getSelectedRows();
    if (!its.length) return say(`Choose ${list} of the list first.`);
    if (list === "beats") return mark(its.map((beat) => beat.row), name, its.length === 1 ? `beat at ${timeOfDay(its[0].time_s)}` : `${its.length.toLocaleString("en")} beats`);
    const words = its.length === 1 ? (its[0].number ? `group ${its[0].number}: ${its[0].name}` : its[0].name) : `groups ${its.map((group) => functions.groupOf(group.number)).join(", ")}`;
    await mark(its.flatMap((group) => rowsOf.get(group.number) ?? []), name, words);
    if (element("go-on")?.checked) await nextGroup(its.at(-1));
  });
  const nextGroup = async (before) => {
    const api = await grid("groups"), nodes = [];
    api.forEachNodeAfterFilterAndSort((node) => nodes.push(node));
    const next = nodes.find((node) => node.data.number > before.number && !(rowsOf.get(node.data.number) ?? []).every(done));
    if (!next) return;
    next.setSelected(true, true);
    api.ensureNodeVisible(next);
    await ACTS.groups(next.data, "name", new KeyboardEvent("keydown"));
  };
  for (const [name, value] of [["right", "right"], ["wrong", "wrong"], ["none", ""]]) {
    on[`mark-${name}`] = markCurrent(value);
    for (const list of ["groups", "beats"]) on[`${list}-${name}`] = markMany(list, value);
  }
  for (const [act, done_word] of [["undo", "Undone"], ["redo", "Redone"]]) {
    on[act] = () => {
      told = { words: element(act).textContent.replace(/^\w+/, done_word), version };
      push(act, {});
    };
  }
  addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });

  /* Whether the server is there. */

  const ASK_MS = 2000;
  let offline = false;
  const ask = async () => {
    let here = true;
    try {
      const answer = await fetch("/alive", { cache: "no-store", signal: AbortSignal.timeout(2 * ASK_MS) });
      await answer.text(); // what is not read holds its connection
    } catch {
      here = false;
    }
    if (here === offline) {
      offline = !here;
      set("offline", { hidden: here });
      if (here) say("The server answers again.");
      showQueue();
    }
    setTimeout(ask, ASK_MS);
  };
  setTimeout(ask, ASK_MS);
  addEventListener("load", () => { if (queue.length) send(); }); // of before the page was loaded again

  /* What the grids show. */

  const three = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
  const known = (form) => (value) => (value == null ? "" : form(value));
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  Object.assign(functions, {
    clock,
    timeOfDay,
    count: known((value) => Math.round(value).toLocaleString("en")),
    score: known(three),
    percent: known((share) => `${(100 * share).toFixed(1)}%`),
    seconds: known((value) => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} s`),
    moment: known((text) => new Date(text).toLocaleString("sv").slice(0, 16)),
    reviewed: (row) => (row.marked === null ? "" : `${row.marked.toLocaleString("en")} of ${row.flagged.toLocaleString("en")}`),
    groupOf: (number) => number || "none",
    shareAndCoupling: ({ share, coupling_s }) => (share == null ? "" : [functions.percent(share), functions.seconds(coupling_s)].join("\n")),
    lasts: known((value) => (value < 100 ? functions.seconds(value) : clock(value))),
    markOf: (params) => marks.get(params.data.row) ?? (lowered.has(params.data.row) ? "lowered" : ""),
    markWords: (mark) => SIGNS[mark] ?? (mark === "lowered" ? "below by marks" : ""),
    groupMark: (group) => {
      const rows = rowsOf.get(group.number) ?? [], count = { right: 0, wrong: 0 };
      for (const row of rows) if (marks.has(row)) count[marks.get(row)] += 1;
      const its = Object.keys(count).filter((name) => count[name]);
      if (its.length === 1 && count[its[0]] === rows.length) return SIGNS[its[0]];
      return its.map((name) => `${SIGNS[name]} ${count[name].toLocaleString("en")}`).join(", ");
    },
  });

  const make = (...parts) => window.React.createElement(...parts);
  const link = (label, words) => make("button", { type: "button", tabIndex: -1, className: "link", "aria-label": label }, words);
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    MeanBeat: ({ value }) => value && make("svg", { viewBox: `0 -2 ${value.width} ${value.height + 4}`, width: value.width, height: value.height + 4, className: "mean-beat", "aria-hidden": true },
      ...value.lanes.flatMap(([mean, spread], lead) => [make("path", { d: spread, className: "spread", key: `spread ${lead}` }), make("path", { d: mean, key: lead })])),
    Actions: ({ data }) => link(`Delete ${data.name}`, "Delete…"),
    State: ({ data }) => (data.progress === "failed" ? make("span", {}, "failed: ", link(`Analyse ${data.name} again`, "analyse again")) : data.state),
  });

  /* What Dash asks the page. */

  const nodesOf = (columns) => columns.row.map((_, at) => Object.fromEntries(COLUMNS.map((name) => [name, columns[name][at]])));
  const showRows = async () => {
    const api = await grid("beats");
    const rows = listed ? nodesOf(listed) : [], there = new Set(listed?.row);
    api.setGridOption("rowData", rows.concat(raised.filter((beat) => !there.has(beat.row))));
  };
  /* As high as its rows, up to the most that are seen at once. */
  const fit = (id, rows, most, row_px) => {
    const list = element(`${id}-grid`)?.parentElement; // is not there yet while the page is laid out
    if (list) list.style.height = `${42 + row_px * Math.max(1.5, Math.min(rows, most))}px`;
  };
  /* Where a recording is shown, what opens others takes little room. */
  let opened = null;
  const fold = (key) => {
    opened = key;
    const parts = element("open-parts");
    if (key && parts.contains(document.activeElement)) parts.querySelector("summary").focus({ preventScroll: true });
    parts.open = !key;
  };
  const inPage = {
    showList: async (data) => {
      const another = data?.key !== listed?.key;
      listed = data ?? null;
      rowsOf = new Map();
      listed?.row.forEach((row, at) => {
        const group = listed.group[at];
        if (!rowsOf.has(group)) rowsOf.set(group, []);
        rowsOf.get(group).push(row);
      });
      if (another) {
        [saved, local, version, raised, lowered, current, place] = [null, [], null, [], new Set(), null, null];
        set("news", { children: "" }); // which is of the other one
        for (const { key, act, at, body } of queue) if (key === listed?.key && act === "marks") local.push({ ...body, at });
        mergeMarks();
        for (const list of ["groups", "beats"]) (await grid(list)).deselectAll();
      }
      await showRows();
      await inPage.showMarks(waiting);
      if (!listed) return set("beat", { data: null });
      if (!another) return showPlace();
      const before = Number(sessionStorage.getItem(`beat of ${listed.key}`) ?? NaN);
      await choose(before < listed.beats ? before : (await beatRows())[0] ?? null);
    },
    showMarks: async (data) => {
      waiting = data;
      if (!data || data.key !== listed?.key) return;
      saved = new Map([...data.right.map((row) => [row, "right"]), ...data.wrong.map((row) => [row, "wrong"])]);
      local = local.filter((mark) => mark.version === undefined || mark.version > data.version);
      version = Math.max(version ?? 0, data.version);
      const [lowered_before, before] = [lowered.size, raised.length];
      lowered = new Set(data.lowered);
      raised = nodesOf(data.raised);
      mergeMarks();
      if (before || raised.length) await showRows();
      if (!queue.length) sayTaught(data.version, lowered.size - lowered_before, raised.length - before);
      if (!queue.length) showHistory(data);
      await refresh();
      await countBeats();
    },
    showBeat: async (row) => {
      if (row === current || row === undefined) return;
      if (listed && row !== null) await choose(row);
    },
    showOpened: async (key, rows) => {
      if (key !== opened) fold(key);
      fit("worklist", rows?.length ?? 0, 5, 42);
      const api = await grid("worklist");
      const node = key ? api.getRowNode(key) : null;
      if (node) node.setSelected(true, true); else api.deselectAll();
    },
    filterBeats: async (called, reason, group, mark) => {
      Object.assign(only, { called, reason, group, mark });
      (await grid("beats")).onFilterChanged();
    },
    showEvents: async (kinds) => {
      fit("kinds", kinds?.length ?? 0, 7, 42);
      if (!kinds?.some(({ kind }) => kind === only.kind)) (await grid("kinds")).deselectAll();
    },
    filterUnmarked: async (checked) => {
      only.unmarked = Boolean(checked);
      for (const list of ["groups", "beats"]) (await grid(list)).onFilterChanged();
    },
    showTab: (value) => { tab = value; },
  };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.page = Object.assign(window.dash_clientside.page || {}, inPage);
})();
