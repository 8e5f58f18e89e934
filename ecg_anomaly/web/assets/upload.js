/* Files from this machine: which belong to one recording, and their way to the server, one recording after the other. */
(() => {
  "use strict";
  const { set, say, on } = window.ecg;
  let latest = []; // to be opened again, with what was entered meanwhile
  let request = null; // the upload that goes on
  let waiting = []; // recordings: their files, and whether it is the first that was dropped, which is then shown

  const suffix = (name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase();

  /* What a header names: its signals, or the headers of its segments. */
  const namedIn = async (header, names) => {
    const words = (await header.text()).split("\n").filter((line) => !line.startsWith("#")).map((line) => line.trim().split(/\s+/)[0]);
    return words.slice(1).flatMap((word) => [word, `${word}.hea`]).filter((word) => names.has(word));
  };

  /* A WFDB record has several files, which its header names; of all others each is a recording. */
  const recordingsOf = async (files) => {
    const left = new Map(files.map((file) => [file.name, file]));
    const headers = files.filter((file) => suffix(file.name) === "hea");
    const needs = new Map();
    for (const header of headers) needs.set(header.name, await namedIn(header, left));
    const parts = new Set([...needs.values()].flat());
    const found = headers.filter((header) => !parts.has(header.name)).map((header) => {
      const its = new Set([header.name]);
      for (const name of its) for (const needed of needs.get(name) ?? []) its.add(needed); // grows while it is read
      const stem = header.name.slice(0, -3);
      for (const name of left.keys()) if (name.startsWith(stem) && !needs.has(name)) its.add(name); // annotations
      return [...its].map((name) => left.get(name));
    });
    for (const file of found.flat()) left.delete(file.name);
    return [...found, ...[...left.values()].map((file) => [file])];
  };

  const end = (words) => {
    request = null;
    if (words) say(words);
    if (waiting.length) return send();
    set("working", { hidden: true });
  };

  const send = () => {
    const { files, first } = waiting.shift(), form = new FormData();
    for (const [field, id] of [["leads", "leads"], ["sampling_rate", "rate"], ["gain", "gain"]]) {
      const value = document.getElementById(id)?.value;
      if (value) form.append(field, value);
    }
    for (const file of files) form.append("file", file, file.name);
    request = new XMLHttpRequest(); // fetch does not say how far an upload is
    request.open("POST", "/recordings");
    request.responseType = "json";
    set("working", { hidden: false });
    set("bar", { value: "0" });
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) set("bar", { value: String(event.loaded / event.total) });
    });
    request.addEventListener("load", (event) => {
      const answer = event.target.response;
      if (!answer?.key) return end(`${files[0].name} is not opened: ${answer?.error ?? "the server does not take it"}`);
      if (first) set("opened", { data: answer.key });
      else set("poll", { disabled: false }); // the worklist is asked for until all is analysed
      end();
    });
    request.addEventListener("error", () => {
      waiting = [];
      end("The server does not answer; is it still running, and is the file smaller than it takes?");
    });
    request.send(form);
  };

  const upload = async (files) => {
    if (!files.length) return;
    latest = [...files];
    waiting.push(...(await recordingsOf(latest)).map((its, place) => ({ files: its, first: place === 0 })));
    if (!request) send();
  };

  on.cancel = () => {
    request?.abort();
    waiting = [];
    end("The upload was stopped.");
  };
  on.again = () => (latest.length ? upload(latest) : say("Drop a recording first, or choose its files."));

  const fillDrop = (drop) => {
    drop.innerHTML = `<label for="files"><strong>Drop recordings here</strong>, or choose their files:<br>
      a WFDB record (.hea and .dat, also .atr), EDF, BDF, a table (.csv), or a file of another known kind</label>
      <input id="files" type="file" multiple accept="${drop.dataset.accept}">`;
    const input = drop.querySelector("input");
    input.addEventListener("change", () => { upload([...input.files]); input.value = ""; });
  };
  new MutationObserver(() => {
    const drop = document.getElementById("drop");
    if (drop && !drop.firstChild) fillDrop(drop);
  }).observe(document, { childList: true, subtree: true });

  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      document.getElementById("drop")?.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer) upload([...event.dataTransfer.files]);
    });
  }
})();
