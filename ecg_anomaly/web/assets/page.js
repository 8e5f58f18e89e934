/* What the page does without the server: keys, messages. Other scripts have what they need here. */
(() => {
  "use strict";
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const say = (text) => set("message", { children: text });
  const on = {}; // what the buttons do, by their names, where the page does it
  window.ecg = { set, say, on };

  let told = "";
  new MutationObserver(() => {
    const said = document.getElementById("message")?.textContent;
    if (said !== told && said?.includes("“")) for (const id of ["open-parts", "reading"]) document.getElementById(id).open = true; // a field is named
    told = said;
  }).observe(document, { childList: true, subtree: true });

  on.dismiss = () => say("");
  addEventListener("click", (event) => {
    const act = on[event.target.closest("button")?.id];
    act?.();
  });

  const KEYS = { n: "next", p: "previous", ".": "later", ",": "earlier", r: "mark-right", w: "mark-wrong",
    u: "mark-none", "+": "move-in", "-": "move-out", h: "move-left", l: "move-right" };
  /* What is chosen in the list that is shown. */
  const OF_CHOSEN = Object.fromEntries([["R", "right"], ["W", "wrong"], ["U", "none"]].map(
    ([key, mark]) => [key, [`groups-${mark}`, `beats-${mark}`]]));
  const withCtrl = ({ key, shiftKey }) => ({ z: shiftKey ? "redo" : "undo", y: "redo" })[key.toLowerCase()];
  const plain = ({ key, shiftKey }) => (key.length > 1 ? key : shiftKey ? key.toUpperCase() : key.toLowerCase()); // whatever Caps Lock says
  const TYPED = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
  const OTHERS = "input:not([type=checkbox]), .worklist, [role=combobox], [role=listbox], [role=slider], [role=radiogroup], dialog";
  addEventListener("keydown", (event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    const elsewhere = event.target.closest?.(ctrl ? TYPED : `${TYPED}, ${OTHERS}`); // where keys have other meanings
    const names = ctrl ? [withCtrl(event)] : [KEYS[plain(event)] ?? OF_CHOSEN[plain(event)]].flat();
    const button = names.map((name) => document.getElementById(name)).find((its) => its?.offsetParent);
    if (elsewhere || event.altKey || !button) return;
    if (!ctrl && !document.getElementById("keys")?.checked) return;
    event.preventDefault();
    button.click();
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.page = Object.assign(window.dash_clientside.page ?? {}, {
    downloadLinks: (key, threshold) => ["beats", "annotations", "report", "print"].map(
      (kind) => (key ? `/recordings/${encodeURIComponent(key)}/${kind}?threshold=${threshold}` : "#")),
  });
})();
