// Daily's signup box: submits every <form data-daily> of a page without leaving the page. Without this script the forms
// work as plain forms. docs/guides/signup-box.md says how to use it.
(() => {
  "use strict";
  const words = {/*words*/};

  // :where() has no specificity, so the page's own styles win.
  const box = "form[data-daily]";
  const css = `:where(${box} *){box-sizing:border-box}
:where(${box}){display:flex;flex-wrap:wrap;gap:.5em;align-items:center;max-width:36em}
:where(${box}>*){flex:1 0 100%;margin:0}
:where(${box}>input){flex:1 1 14em;min-width:0}
:where(${box}>button){flex:0 0 auto}
:where(${box} input[type=email]){min-height:2.75em;padding:.4em .7em;font:inherit;color:inherit;background:transparent;border:1px solid;border-radius:var(--daily-radius,3px)}
:where(${box} button){min-height:2.75em;padding:.4em 1.2em;font:inherit;font-weight:600;color:var(--daily-on-accent,#fff);background:var(--daily-accent,#0a6048);border:1px solid transparent;border-radius:var(--daily-radius,3px);cursor:pointer}
:where(${box} [role=status]:empty){display:none}
:where(${box} [role=status] button){margin:.5em .5em 0 0}`;

  const style = () => {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    } catch {
      // In old browsers the form keeps the page's own style.
    }
  };

  const languageOf = form => form.dataset.lang || form.closest("[lang]")?.lang || navigator.language || "";

  const fieldsOf = form => {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (typeof value !== "string") continue;
      fields[name] = name in fields ? [].concat(fields[name], value) : value;
    }
    // Without the query, which may contain private data.
    fields.source ||= location.origin + location.pathname;
    fields.lang ||= languageOf(form);
    fields.time_zone ||= Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    return fields;
  };

  const enhance = form => {
    if (form.dataset.daily === "ready") return;
    form.dataset.daily = "ready";
    const say = words[languageOf(form).toLowerCase().split("-")[0]] || words.en;
    const email = form.querySelector("input[name=email]");
    const described = email?.getAttribute("aria-describedby") || "";
    const button = form.querySelector("button,input[type=submit]");
    for (const name of ["accent", "on-accent", "radius"]) {
      const value = form.getAttribute("data-" + name);
      if (value) form.style.setProperty("--daily-" + name, value);
    }
    // Created in advance, because screen readers miss text that comes with a new status element.
    const status = document.createElement("p");
    status.setAttribute("role", "status");
    status.id = "daily-status-" + Math.random().toString(36).slice(2);
    form.append(status);

    const tell = (text, wrong) => {
      status.textContent = text;
      if (!email) return;
      email.removeAttribute("aria-invalid");
      email.setAttribute("aria-describedby", wrong ? described + " " + status.id : described);
      if (wrong) {
        email.setAttribute("aria-invalid", "true");
        email.focus();
      }
    };
    const offerPage = () => {
      const link = document.createElement("a");
      link.href = new URL("/", form.action).href;
      link.textContent = say.page;
      tell(say.trouble);
      status.append(" ", link);
    };
    // Submits the plain form to our own page, which handles all other cases.
    const hand = () => {
      document.addEventListener("securitypolicyviolation", event => {
        if (event.effectiveDirective === "form-action") offerPage();
      });
      HTMLFormElement.prototype.submit.call(form);
    };

    // The address looks mistyped: one button accepts the suggestion, another keeps the address.
    const ask = told => {
      tell(told.detail);
      const offer = (text, address, more) => {
        const choice = document.createElement("button");
        choice.type = "button";
        choice.textContent = text;
        choice.addEventListener("click", () => {
          // Moves the focus, because the buttons disappear.
          email.focus();
          email.value = address;
          submit(more);
        });
        status.append(" ", choice);
      };
      offer(told.take, told.suggestion);
      offer(told.keep, email.value, told.insist);
    };

    let busy = false;
    const submit = async more => {
      if (busy) return;
      busy = true;
      button?.setAttribute("aria-disabled", "true");
      tell(say.sending);
      try {
        // The server asks for a proof only during an attack, so the script that solves challenges is loaded on demand.
        const send = async proof => {
          const answer = await fetch(form.action, {
            method: "POST",
            credentials: "omit",
            referrerPolicy: "no-referrer",
            headers: { "content-type": "application/json", accept: "application/json" },
            body: JSON.stringify({ ...fieldsOf(form), ...more, proof }),
          });
          // The answer is in the language of the page.
          const told = await answer.json().catch(() => ({}));
          if (proof || !told.challenge) return [answer, told];
          return send(await (await import(new URL("/challenge.js", form.action))).prove(told.challenge));
        };
        const [answer, told] = await send();
        if (answer.ok) {
          tell(told.message);
          if (email) email.value = "";
        } else if (email && told.take) ask(told);
        else if (told.errors?.some(it => it.pointer === "#/email")) tell(told.detail, true);
        else if (answer.status === 429) tell(told.detail);
        else hand();
      } catch {
        hand();
      }
      busy = false;
      button?.removeAttribute("aria-disabled");
    };
    form.addEventListener("submit", event => {
      event.preventDefault();
      submit();
    });
  };

  const start = () => {
    const forms = document.querySelectorAll(box);
    if (forms.length) style();
    forms.forEach(enhance);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
