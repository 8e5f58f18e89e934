/* What the page does without the server: dropping files, keys, clicks on beats. */
(() => {
  "use strict";
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const say = (text) => set("message", { children: text });

  let latest = []; // to be opened again, with what was entered meanwhile
  const upload = (files) => {
    if (!files.length) return;
    latest = [...files];
    const form = new FormData();
    for (const [field, id] of [["leads", "leads"], ["sampling_rate", "rate"], ["gain", "gain"]]) {
      const value = document.getElementById(id)?.value;
      if (value) form.append(field, value);
    }
    for (const file of latest) form.append("file", file, file.name);
    const request = new XMLHttpRequest(); // fetch does not say how far an upload is
    request.open("POST", "/recordings");
    request.responseType = "json";
    set("working", { hidden: false });
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      set("bar", { value: String(event.loaded / event.total) });
      say(`Receiving: ${Math.round((100 * event.loaded) / event.total)} % of the file.`);
    });
    request.addEventListener("load", () => {
      if (request.response?.key) return set("opened", { data: request.response.key });
      set("working", { hidden: true });
      say(`Not opened: ${request.response?.error ?? "the server does not take it"}`);
    });
    request.addEventListener("error", () => {
      set("working", { hidden: true });
      say("The server does not answer; is it still running, and is the file smaller than it takes?");
    });
    request.send(form);
  };

  const fillDrop = (drop) => {
    drop.innerHTML = `<label for="files"><strong>Drop a recording here</strong>, or choose its files:<br>
      a WFDB record (.hea and .dat, also .atr), EDF, BDF, a table (.csv), or a file of another known kind</label>
      <input id="files" type="file" multiple accept="${drop.dataset.accept}">`;
    const input = drop.querySelector("input");
    input.addEventListener("change", () => { upload(input.files); input.value = ""; });
  };
  let told = "";
  new MutationObserver(() => {
    document.querySelector("#threshold-value [role=slider]")?.setAttribute("aria-labelledby", "threshold-label");
    const drop = document.getElementById("drop");
    if (drop && !drop.firstChild) fillDrop(drop);
    const said = document.getElementById("message")?.textContent;
    if (said !== told && said?.includes("“")) document.getElementById("reading").open = true; // a field is named
    told = said;
  }).observe(document, { childList: true, subtree: true });

  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      document.getElementById("drop")?.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer) upload(event.dataTransfer.files);
    });
  }

  addEventListener("click", (event) => {
    if (event.target.id === "again") return latest.length ? upload(latest) : say("Drop a recording first, or choose its files.");
    const beat = event.target.closest("[data-beat]");
    if (beat) set("beat", { data: Number(beat.dataset.beat) });
  });

  const KEYS = { n: "next", p: "previous", ".": "later", ",": "earlier", r: "mark-right", w: "mark-wrong",
    u: "mark-none", "+": "move-in", "-": "move-out", h: "move-left", l: "move-right" };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [role=combobox], [role=slider]");
    const off = !document.querySelector("#keys input:checked");
    if (typing || off || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    const button = document.getElementById(KEYS[event.key]);
    if (button && button.offsetParent !== null) { event.preventDefault(); button.click(); }
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.page = Object.assign(window.dash_clientside.page ?? {}, {
    downloadLinks: (key, threshold) => ["beats", "annotations", "report"].map(
      (kind) => (key ? `/recordings/${encodeURIComponent(key)}/${kind}?threshold=${threshold}` : "#")),
  });
})();
