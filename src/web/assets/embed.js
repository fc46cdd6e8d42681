// Daily's signup box: turns every <form data-daily> of a page into a panel that signs readers up without leaving the page.
// Without this script the forms work as plain forms. docs/guides/signup-box.md says how to use it.
(() => {
  "use strict";
  const make = (name, text, attributes) => {
    const element = document.createElement(name);
    if (text) element.append(...[].concat(text));
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  // Puts an element in the place of {name}.
  const fill = (text, name, element) => {
    const [before, after] = text.split(`{${name}}`);
    return [before, element, after || ""];
  };

  const show = (form, say) => {
    const at = path => new URL(path, form.action).href;
    // The page's style sheets don't reach into a shadow root.
    const host = make("div");
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(say.css);
    root.adoptedStyleSheets = [sheet];
    if (form.dataset.radius) host.style.setProperty("--daily-radius", form.dataset.radius);
    const email = make("input", "", { id: "e", name: "email", type: "email", autocomplete: "email", required: "", maxlength: 254 });
    email.value = form.elements.email?.value || "";
    const button = make("button", say.button);
    // Created in advance, because screen readers miss text that comes with a new status element.
    const status = make("div", "", { id: "s", role: "status" });
    const own = make("form", [make("label", say.label, { for: "e" }), make("div", [email, button], { class: "line" }), status], { novalidate: "" });
    const fine = make("p", say.fine + " ", { class: "fine" });
    if (say.privacy) fine.append(make("a", say.privacy[0], { href: say.privacy[1] }));
    const panel = make("section", [make("h2", say.title, { id: "t" }), make("p", say.hint), make("slot"), own, fine], { lang: say.lang, "aria-labelledby": "t" });
    // Choices that the publisher put into the form stay in the page's own style.
    const choices = [...form.children].filter(it => it.matches("fieldset,select") || it.querySelector("[type=checkbox]"));
    host.append(...choices);
    root.append(panel);
    form.replaceWith(host);
    // A page without a dark look gets a light panel, whatever the reader prefers.
    const match = () => {
      let light = !getComputedStyle(document.documentElement).colorScheme.includes("dark");
      for (let it = host.parentElement; it; it = it.parentElement) {
        const [red, green, blue, opacity = 1] = getComputedStyle(it).backgroundColor.match(/[\d.]+/g);
        if (opacity < .5) continue;
        light = +red + +green + +blue > 380;
        break;
      }
      host.toggleAttribute("data-light", light);
    };
    match();
    matchMedia("(prefers-color-scheme:dark)").addEventListener("change", match);

    const tell = (content, wrong) => {
      status.replaceChildren(...[].concat(content));
      status.className = wrong ? "bad" : "";
      button.className = "";
      email.removeAttribute("aria-invalid");
      email.removeAttribute("aria-describedby");
      if (!wrong) return;
      email.setAttribute("aria-invalid", "true");
      email.setAttribute("aria-describedby", "s");
      email.focus();
    };
    const act = (text, kind, does) => {
      const it = make("button", text, { type: "button", class: kind });
      it.addEventListener("click", does);
      return it;
    };
    const fields = more => {
      const all = {};
      form.append(...choices);
      for (const [name, value] of new FormData(form)) {
        if (typeof value === "string") all[name] = name in all ? [].concat(all[name], value) : value;
      }
      host.append(...choices);
      // Without the query, which may contain private data.
      all.source ||= location.origin + location.pathname;
      all.lang ||= say.lang;
      all.time_zone ||= Intl.DateTimeFormat().resolvedOptions().timeZone || "";
      return { ...all, email: email.value, ...more };
    };
    // Submits the plain form to our own page, which handles all other cases.
    const hand = () => {
      document.addEventListener("securitypolicyviolation", event => {
        if (event.effectiveDirective === "form-action") tell([say.trouble + " ", make("a", say.page, { href: at("/") })]);
      });
      if (form.elements.email) form.elements.email.value = email.value;
      form.append(...choices);
      form.hidden = true;
      host.after(form);
      HTMLFormElement.prototype.submit.call(form);
    };
    const done = more => {
      const heading = make("h2", say.check, { id: "t" });
      const again = act(say.again, "plain", () => submit({ ...more, as_typed: "yes" }));
      const told = make("div", [heading, make("p", fill(say.sent, "address", make("b", email.value))), make("p", fill(say.spam, "again", again), { class: "fine" })], { role: "status", tabindex: "-1" });
      panel.replaceChildren(told);
      told.focus();
    };
    const take = (told, value, more) => () => {
      // Moves the focus, because the buttons disappear.
      email.focus();
      email.value = value;
      submit(more);
    };
    // The address looks mistyped: one button accepts the suggestion. Another keeps the address, if it can be right.
    const ask = told => {
      tell("");
      button.className = "quiet";
      const acts = make("p", act(told.take, "", take(told, told.suggestion)), { class: "acts" });
      if (told.keep) acts.append(act(told.keep, "plain", take(told, email.value, told.insist)));
      status.append(make("div", [make("p", told.detail), acts], { class: "ask" }));
    };

    let busy = false;
    const submit = async more => {
      if (busy) return;
      busy = true;
      button.setAttribute("aria-disabled", "true");
      if (own.isConnected) tell(say.sending);
      try {
        // The server asks for a proof only during an attack, so the script that solves challenges is loaded on demand.
        const send = async proof => {
          const answer = await fetch(form.action, {
            method: "POST",
            credentials: "omit",
            referrerPolicy: "no-referrer",
            headers: { "content-type": "application/json", accept: "application/json" },
            body: JSON.stringify({ ...fields(more), proof }),
          });
          const told = await answer.json().catch(() => ({}));
          if (proof || !told.challenge) return [answer, told];
          return send(await (await import(at("/challenge.js"))).prove(told.challenge));
        };
        const [answer, told] = await send();
        if (answer.ok) done(more);
        else if (told.take) ask(told);
        else if (told.errors?.some(it => it.pointer === "#/email")) tell(told.detail, true);
        else if (answer.status === 429) tell(make("p", told.detail, { class: "bad" }));
        else hand();
      } catch {
        hand();
      }
      busy = false;
      button.removeAttribute("aria-disabled");
    };
    own.addEventListener("submit", event => {
      event.preventDefault();
      submit();
    });
  };

  const enhance = async form => {
    if (form.dataset.daily === "ready") return;
    form.dataset.daily = "ready";
    const query = new URLSearchParams({ lang: form.dataset.lang || form.closest("[lang]")?.lang || navigator.language || "" });
    const newsletter = form.querySelector("[name=newsletter]")?.value;
    if (newsletter) query.set("newsletter", newsletter);
    try {
      const answer = await fetch(new URL("/embed.json?" + query, form.action), { credentials: "omit", referrerPolicy: "no-referrer" });
      if (answer.ok) show(form, await answer.json());
    } catch {
      // The plain form stays.
    }
  };

  // Frames of ours say how high they are.
  addEventListener("message", ({ data, source }) => {
    for (const frame of document.querySelectorAll("iframe[data-daily]")) {
      if (frame.contentWindow === source && data?.daily > 0) frame.height = Math.min(data.daily, 2000);
    }
  });
  const start = () => document.querySelectorAll("form[data-daily]").forEach(enhance);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
