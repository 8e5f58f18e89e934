/* Looking at a recording: ECG paper, the whole signal and its overview, with callipers, a readout and clicks. */
(() => {
  "use strict";
  const { set, on } = window.ecg; // page.js
  const MARGIN_MM = 15, MM_PER_S = 25; // ecg_paper.py
  const CLICK_PX = 5, DAY_S = 86400;

  // The same as words.clock and words.clock_time, to the hundredth or thousandth of a second.
  const timeWords = (time_s, clock_s, digits = 2) => {
    const unit = 10 ** digits, ticks = Math.round((time_s + (clock_s ?? 0)) * unit);
    const all_s = Math.floor(ticks / unit), day = clock_s === null ? 0 : Math.floor(all_s / DAY_S), s = all_s - day * DAY_S;
    const two = (number) => String(number).padStart(2, "0"), hours = Math.floor(s / 3600);
    const words = `${clock_s === null ? hours : two(hours)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
    return `${day ? `day ${day + 1}, ` : ""}${words}.${String(ticks - all_s * unit).padStart(digits, "0")}`;
  };
  const number = (value, digits, sign = "") => `${value < 0 ? "−" : sign}${Math.abs(value).toFixed(digits)}`;

  // What can be measured: where a time is, in pixels from the left of its layer, and what the leads are then, in mV.
  const signal = {
    button: "signal-callipers", readout: "signal-readout", step_s: () => Math.max(0.004, signal.seen()[2] / 1000),
    drawn: () => document.querySelector("#signal-figure .js-plotly-plot"),
    layer: () => document.querySelector("#signal .measured"),
    axis: () => signal.drawn()?._fullLayout?.xaxis,
    clock_s: () => signal.drawn().layout.meta.clock_s,
    left: () => signal.drawn().getBoundingClientRect().left - signal.layer().getBoundingClientRect().left + signal.axis()._offset,
    x: (time_s) => signal.left() + ((time_s - signal.seen()[0]) / signal.seen()[2]) * signal.axis()._length,
    time: (x) => signal.seen()[0] + ((x - signal.left()) / signal.axis()._length) * signal.seen()[2],
    seen: () => { const [start, end] = signal.axis().range; return [start, end, end - start]; },
    edges: () => signal.seen(),
    height: () => ({ top: `${signal.drawn().getBoundingClientRect().top - signal.layer().getBoundingClientRect().top}px`,
      height: `${signal.drawn()._fullLayout._size.h + signal.drawn()._fullLayout._size.t}px` }),
    values: (time_s) => signal.drawn()._fullData.filter((curve) => curve.meta).map((curve) => {
      const place = Math.round((time_s - curve.x0) / curve.dx), at = (place_) => curve.y[place_] - curve.meta.offset_mv;
      const pair = place - (place % 2);
      return [curve.meta.lead, ...(curve.meta.pairs ? [at(pair), at(pair + 1)] : [at(place)])];
    }),
  };
  const paper = {
    button: "paper-callipers", readout: "paper-readout", step_s: () => 0.004,
    drawn: () => document.querySelector("#paper .paper-sheet"),
    layer: () => document.querySelector("#paper .sheet-and-names"),
    clock_s: () => { const from = paper.drawn().closest("[data-clock]"); return from ? Number(from.dataset.clock) : null; },
    px_per_mm: () => paper.drawn().getBoundingClientRect().width / paper.drawn().viewBox.baseVal.width,
    start: () => Number(paper.drawn().dataset.start),
    x: (time_s) => (MARGIN_MM + MM_PER_S * (time_s - paper.start())) * paper.px_per_mm(),
    time: (x) => paper.start() + (x / paper.px_per_mm() - MARGIN_MM) / MM_PER_S,
    edges: () => [paper.start(), paper.time(paper.drawn().getBoundingClientRect().width)],
    seen: () => { // beside the names, as it is scrolled
      const scroll = paper.layer().parentElement, margin = MARGIN_MM * paper.px_per_mm();
      return [paper.time(scroll.scrollLeft + margin), paper.time(scroll.scrollLeft + scroll.clientWidth)];
    },
    values: (time_s) => [...paper.drawn().querySelectorAll("path[data-lead]")].map((path) => {
      path.points ??= path.getAttribute("d").split(/[ML]/).slice(1).map((point) => point.split(" ").map(Number));
      const x_mm = MARGIN_MM + MM_PER_S * (time_s - paper.start());
      const [at_mm, y_mm] = path.points.reduce((a, b) => (Math.abs(b[0] - x_mm) < Math.abs(a[0] - x_mm) ? b : a), [-1e9, NaN]);
      const value_mv = (Number(path.dataset.zero) - y_mm) / Number(paper.drawn().dataset.mmPerMv);
      return [path.dataset.lead, Math.abs(at_mm - x_mm) < 0.5 ? value_mv : NaN];
    }),
  };

  const valueWords = ([lead, low, high]) => `${lead} ` +
    (!Number.isFinite(low) ? "no signal" : high === undefined ? `${number(low, 2)} mV` : `${number(low, 2)} to ${number(high, 2)} mV`);
  const say = (view, part, words) => {
    const readout = document.getElementById(view.readout);
    if (!readout.firstChild) readout.append(document.createElement("span"), document.createElement("span"));
    readout.children[part].textContent = words;
  };

  // Callipers: two lines, to be dragged or moved with the arrow keys.
  const callipers = new Map([[signal, []], [paper, []]]); // the times of the lines; none where they are put away
  const between = (view) => {
    const [a, b] = [...callipers.get(view)].sort((one, other) => one - other), apart_s = b - a;
    const length = apart_s < 10 ? `${Math.round(apart_s * 1000)} ms` : `${apart_s.toFixed(2)} s`;
    const rate = apart_s >= 0.1 && apart_s < 10 ? ` (${Math.round(60 / apart_s)} bpm)` : "";
    const values = view.values(a).map(([lead, ...ends], place) => [lead, ...ends, ...view.values(b)[place].slice(1)]);
    const steps = values.filter((value) => value.length === 3).map(([lead, from, to]) =>
      `${lead} ${Number.isFinite(to - from) ? `${number(to - from, 2, "+")} mV` : "no signal"}`);
    return `${length}${rate}: ${steps.length ? steps.join(", ") : "zoom in to measure mV"}`;
  };
  const spread = (view) => {
    const [start, end] = view.seen();
    callipers.get(view).splice(0, 2, ...[0.4, 0.6].map((share) => start + share * (end - start)));
  };
  const place = (view) => {
    const times = callipers.get(view), layer = view.layer();
    if (!times.length || !layer || !view.drawn()) return;
    const [start, end] = view.edges();
    if (times.every((time_s) => time_s < start || time_s > end)) spread(view); // another stretch is shown
    const words = between(view);
    times.forEach((time_s, which) => {
      const line = layer.querySelectorAll(".calliper")[which] ?? addLine(view, which);
      line.hidden = time_s < start || time_s > end;
      Object.assign(line.style, { left: `${view.x(time_s)}px`, ...view.height?.() });
      const at = { now: time_s.toFixed(3), min: start.toFixed(3), max: end.toFixed(3), text: `${timeWords(time_s, view.clock_s(), 3)}, ${words}` };
      for (const [name, value] of Object.entries(at)) line.setAttribute(`aria-value${name}`, value);
    });
    say(view, 1, `Between the callipers: ${words}`);
  };
  const move = (view, which, time_s) => {
    const [start, end] = view.edges();
    callipers.get(view)[which] = Math.min(Math.max(time_s, start), end);
    place(view);
  };
  const addLine = (view, which) => {
    const line = document.createElement("div");
    line.className = "calliper";
    line.tabIndex = 0;
    line.setAttribute("role", "slider");
    line.setAttribute("aria-label", `Calliper ${which + 1}`);
    line.addEventListener("pointerdown", (event) => { event.preventDefault(); line.focus(); line.setPointerCapture(event.pointerId); });
    line.addEventListener("pointermove", (event) => {
      if (line.hasPointerCapture(event.pointerId)) move(view, which, view.time(event.clientX - view.layer().getBoundingClientRect().left));
    });
    line.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      move(view, which, callipers.get(view)[which] + by * view.step_s() * (event.shiftKey ? 10 : 1));
    });
    view.layer().append(line);
    return line;
  };
  const toggle = (view) => {
    const shown = callipers.get(view).length > 0;
    document.getElementById(view.button).setAttribute("aria-pressed", String(!shown));
    view.layer()?.querySelectorAll(".calliper").forEach((line) => line.remove());
    callipers.set(view, []);
    if (!shown && view.drawn()) spread(view);
    say(view, 1, "");
    place(view);
    if (!shown) view.layer()?.querySelector(".calliper")?.focus();
  };

  for (const view of callipers.keys()) on[view.button] = () => toggle(view);

  // Pointers: what is under them, clicks that go somewhere, and a wheel that scrolls the page unless zooming is meant.
  const overview = () => document.querySelector("#overview-figure .js-plotly-plot");
  const figureOf = (target) => target.closest?.("#signal-figure, #overview-figure");
  let pressed = null, armed = false, pointClicked = false;
  const goTo = (time_s, length_s) => set("at", { data: [time_s, length_s] });
  // Events and rhythms at a place of an axis, the shortest first: where they start, how long they are, and their lane.
  const bandsAt = (drawn, x) => {
    const bars = drawn._fullData.find((curve) => curve.type === "bar");
    return [...(bars?.base ?? []).keys()].map((place) => ({ start: bars.base[place], length: bars.x[place], lane: bars.y[place], words: bars.customdata[place] }))
      .filter((band) => band.start <= x && x <= band.start + band.length).sort((a, b) => a.length - b.length);
  };
  const laneAt = (drawn, y) => {
    const bars = drawn._fullData.find((curve) => curve.type === "bar"), axis = bars && drawn._fullLayout[bars.yaxis.replace("y", "yaxis")];
    return axis ? Math.round(axis.p2c(y - axis._offset)) : -1;
  };
  const clickFigure = (drawn, event) => {
    const box = drawn.getBoundingClientRect(), { xaxis } = drawn._fullLayout, { unit_s } = drawn.layout.meta;
    const x = xaxis.p2c(event.clientX - box.left - xaxis._offset), lane = laneAt(drawn, event.clientY - box.top);
    if (x < xaxis.range[0] || x > xaxis.range[1]) return;
    const [band] = bandsAt(drawn, x).filter((one) => one.lane === lane);
    if (band) goTo((band.start + band.length / 2) * unit_s, band.length * unit_s);
    else goTo(x * unit_s, null);
    if (drawn === overview() && innerWidth < 1000) document.getElementById("strip")?.scrollIntoView(); // there it is seen
  };
  addEventListener("pointerdown", (event) => {
    const figure = figureOf(event.target);
    armed = figure?.id === "signal-figure";
    pressed = figure && event.button === 0 ? { figure, x: event.clientX, y: event.clientY } : null;
    pointClicked = false;
  }, true);
  addEventListener("pointerup", (event) => {
    const { figure, x, y } = pressed ?? {};
    pressed = null;
    if (!figure || Math.hypot(event.clientX - x, event.clientY - y) > CLICK_PX) return;
    // Plotly tells later whether a beat was clicked, which is chosen then.
    const drawn = figure.querySelector(".js-plotly-plot");
    setTimeout(() => pointClicked || (drawn?.layout?.meta && clickFigure(drawn, event)), 60);
  }, true);
  addEventListener("wheel", (event) => {
    if (figureOf(event.target)?.id !== "signal-figure") return;
    if (event.ctrlKey) event.preventDefault(); // the browser would zoom the page, too
    else if (!armed) event.stopImmediatePropagation(); // Plotly would zoom, and the page stay where it is
  }, { capture: true, passive: false });
  addEventListener("pointermove", (event) => {
    const inSignal = figureOf(event.target)?.id === "signal-figure" && signal.drawn()?.layout.meta;
    if (!inSignal && !event.target.closest?.("#signal .calliper")) armed = false;
    const view = inSignal ? signal : event.target.closest?.("#paper .paper-sheet") ? paper : null;
    for (const other of callipers.keys()) if (other !== view && document.getElementById(other.readout)?.firstChild) say(other, 0, "");
    if (!view) return;
    const time_s = view.time(event.clientX - view.layer().getBoundingClientRect().left), [start, end] = view.edges();
    if (time_s < start || time_s > end) return say(view, 0, "");
    const bands = inSignal ? bandsAt(signal.drawn(), time_s).map((band) => band.words) : [];
    say(view, 0, [timeWords(time_s, view.clock_s()), ...view.values(time_s).map(valueWords), ...bands].join(" · "));
  });
  addEventListener("click", (event) => {
    const sheet = event.target.closest?.("#paper .paper-sheet");
    if (sheet) set("clicked", { data: paper.time(event.clientX - sheet.getBoundingClientRect().left) });
  });
  addEventListener("resize", () => { for (const view of callipers.keys()) place(view); });

  const follow = (drawn) => {
    if (!drawn?.on || drawn.followed) return;
    drawn.followed = true;
    drawn.on("plotly_click", () => { pointClicked = true; });
    for (const kind of ["plotly_relayouting", "plotly_relayout", "plotly_afterplot"]) drawn.on(kind, () => place(signal));
  };
  new MutationObserver(() => { follow(signal.drawn()); follow(overview()); }).observe(document, { childList: true, subtree: true });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.page = Object.assign(window.dash_clientside.page ?? {}, {
    showPaper: (content) => {
      const box = document.getElementById("paper"), before = paper.drawn()?.dataset.start;
      const scrolled = paper.layer()?.parentElement.scrollLeft, inside = box.contains(document.activeElement);
      const focused = [...box.querySelectorAll(".calliper")].indexOf(document.activeElement);
      box.innerHTML = content ?? "";
      const scroll = box.querySelector(".scroll");
      if (scroll) {
        const shade = box.querySelector(".event.selected")?.getBoundingClientRect(), seen = scroll.getBoundingClientRect();
        const middle = shade ? shade.left + shade.width / 2 - seen.left : paper.drawn().getBoundingClientRect().width / 2;
        const margin = MARGIN_MM * paper.px_per_mm(), hidden = !shade || middle - scrolled < margin || middle - scrolled > seen.width;
        scroll.scrollLeft = before === paper.drawn().dataset.start && !(shade && hidden) ? scrolled : middle - (seen.width + margin) / 2;
        place(paper);
        if (inside) (box.querySelectorAll(".calliper")[focused] ?? scroll).focus({ preventScroll: true });
      }
      return window.dash_clientside.no_update;
    },
    shade: (shapes) => { // Dash would have all of the figure drawn again
      const drawn = signal.drawn();
      if (drawn?.layout && shapes) window.Plotly.relayout(drawn, { shapes });
      return window.dash_clientside.no_update;
    },
  });
})();
