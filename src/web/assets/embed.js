// Daily's signup box: makes every <form data-daily> of a page answer where it stands. Without this script the form works
// as a plain form. docs/guides/signup-box.md says how to use it.
(() => {
  "use strict";
  const words = {/*words*/};

  // :where() weighs nothing, so that whatever the page says about its forms wins.
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
      // An old browser: the form looks as the page has it.
    }
  };

  const languageOf = form => form.dataset.lang || form.closest("[lang]")?.lang || navigator.language || "";

  const fieldsOf = form => {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (typeof value !== "string") continue;
      fields[name] = name in fields ? [].concat(fields[name], value) : value;
    }
    // Not the page's query: it may hold what is nobody else's.
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
    // It is there before it says something, or screen readers miss the first words.
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
    // What this script can't do, our own page can: to it the plain form goes.
    const hand = () => {
      document.addEventListener("securitypolicyviolation", event => {
        if (event.effectiveDirective === "form-action") offerPage();
      });
      HTMLFormElement.prototype.submit.call(form);
    };

    // The address looks mistyped: a button takes what was probably meant, another insists.
    const ask = told => {
      tell(told.detail);
      const offer = (text, address, more) => {
        const choice = document.createElement("button");
        choice.type = "button";
        choice.textContent = text;
        choice.addEventListener("click", () => {
          // The buttons go away, and the keyboard shall not lose its place.
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
        // Under attack the server wants a proof: the script that finds one comes only then.
        const send = async proof => {
          const answer = await fetch(form.action, {
            method: "POST",
            credentials: "omit",
            referrerPolicy: "no-referrer",
            headers: { "content-type": "application/json", accept: "application/json" },
            body: JSON.stringify({ ...fieldsOf(form), ...more, proof }),
          });
          // What the answer says is in the language of the page.
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
