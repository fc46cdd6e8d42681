// Makes the operators' pages quick: keys, and figures that refresh by themselves. Every page works without it.
(() => {
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const rows = () => all("[data-row]");
  // The page was opened at a row, such as after a button of it was pressed.
  let at = rows().findIndex((row) => row.id && location.hash === `#${row.id}`);

  const choose = (step) => {
    const list = rows();
    if (!list.length) return;
    at = Math.min(Math.max(at + step, 0), list.length - 1);
    list.forEach((row, index) => row.classList.toggle("chosen", index === at));
    list[at].scrollIntoView({ block: "nearest" });
    const title = find("a", list[at]);
    if (title) title.focus({ preventScroll: true });
  };

  const press = (key) => {
    const row = rows()[at];
    const target = (row && find(`[data-key="${key}"]`, row)) || find(`[data-key="${key}"]:not([data-row] *)`);
    if (!target || target.disabled) return false;
    if (target.matches("input, textarea, select")) target.focus();
    else target.click();
    return true;
  };
  if (at >= 0) choose(0);

  const keys = find("#keys");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      if (typing) typing.blur();
      if (keys && keys.open) keys.close();
      return;
    }
    if (typing) return;
    let known = true;
    if (event.key === "/") find("#search")?.focus();
    else if (event.key === "?") keys?.showModal();
    else if (event.key === "j") choose(1);
    else if (event.key === "k") choose(-1);
    else if ("xpeta".includes(event.key)) known = press(event.key);
    else known = false;
    if (known) event.preventDefault();
  });
  find("[data-opens=keys]")?.addEventListener("click", (event) => {
    event.preventDefault();
    keys?.showModal();
  });

  // The look of a newsletter follows its form after a short pause.
  const look = find("[data-look]");
  if (look && look.form) {
    let timer;
    look.form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => look.form.requestSubmit(look), 600);
    });
  }

  // Server-sent events name the parts of the page that changed.
  const live = find("[data-events]");
  if (live && window.EventSource) {
    const firstPause = 1000;
    const longestPause = 30000;
    // A stream that ends begins again at once. One that stays away for longer is a reason to say so.
    const patience = 4000;
    let pause = firstPause;
    let late;
    let notice;
    const warn = () => {
      if (notice) return;
      notice = document.createElement("p");
      notice.className = "notice wait";
      notice.setAttribute("role", "status");
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = "Look again";
      const text = document.createElement("b");
      text.textContent = "Not live.";
      notice.append(text, " The connection was lost, so this may be old. ", link);
      live.before(notice);
    };
    const connect = () => {
      const source = new EventSource(live.dataset.events);
      source.addEventListener("open", () => {
        pause = firstPause;
        clearTimeout(late);
        late = undefined;
        notice?.remove();
        notice = undefined;
      });
      source.addEventListener("error", () => {
        if (source.readyState !== EventSource.CLOSED) {
          late ??= setTimeout(warn, patience);
          return;
        }
        // Browsers give up after an answer that is no stream, such as a proxy's while the server restarts.
        warn();
        setTimeout(connect, pause);
        pause = Math.min(pause * 2, longestPause);
      });
      source.addEventListener("parts", (event) => {
        const fresh = new DOMParser().parseFromString(event.data, "text/html");
        for (const part of fresh.querySelectorAll("[data-part]")) {
          const old = find(`[data-part="${part.dataset.part}"]`);
          if (old && !old.contains(document.activeElement)) old.replaceWith(document.importNode(part, true));
        }
      });
      source.addEventListener("over", () => {
        source.close();
        location.reload();
      });
    };
    connect();
  }
})();
