/* The log of what is played: each message is put there once, so that screen readers read what is new alone. */
(() => {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.live = {
    tell: (told) => {
      const list = document.getElementById("live-news");
      if (told?.key !== list.dataset.key) {
        list.replaceChildren();
        list.dataset.key = told?.key ?? "";
        list.dataset.said = 0;
      }
      const fresh = told ? told.news.slice(0, told.said - list.dataset.said) : []; // the newest first
      for (const [when, text] of fresh.reverse()) {
        const line = document.createElement("li"), time = document.createElement("strong");
        time.textContent = when;
        line.append(time, ` ${text}`);
        list.prepend(line);
      }
      while (list.children.length > (told?.news.length ?? 0)) list.lastChild.remove();
      if (told) list.dataset.said = told.said;
      return window.dash_clientside.no_update;
    },
  };
})();
