// Solves the challenge that signups need during an attack: finds the number that has the wanted SHA-256 when appended to
// the salt. Used by our own forms, and by embed.js on other sites.
const AT_ONCE = 500;

// Returns the solution of a challenge for the field `proof`.
const solve = async ({ algorithm, challenge, maxnumber, salt, signature }) => {
  const wanted = challenge.match(/../g).map(pair => parseInt(pair, 16));
  const is = hash => wanted.every((byte, at) => hash[at] === byte);
  const encoder = new TextEncoder();
  for (let from = 0; from <= maxnumber; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, maxnumber - from + 1) }, (_, at) => from + at);
    const hash = async number => new Uint8Array(await crypto.subtle.digest(algorithm, encoder.encode(salt + number)));
    const found = (await Promise.all(numbers.map(hash))).findIndex(is);
    if (found >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: from + found, salt, signature }));
  }
  throw new Error("no number fits");
};

const get = async address => (await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer" })).json();

// Returns the solution of the challenge at a URL.
export const prove = async address => solve(await get(address));

// Adds a solution to our own forms, if one is needed.
for (const form of document.querySelectorAll("form[data-challenge]")) {
  const proof = document.createElement("input");
  proof.type = "hidden";
  proof.name = "proof";
  form.append(proof);
  let state = "idle";
  form.addEventListener("submit", async event => {
    if (state === "ready") return;
    event.preventDefault();
    if (state === "working") return;
    state = "working";
    try {
      const offer = await get(form.dataset.challenge);
      if (offer.required) {
        const status = document.getElementById("status");
        status.textContent = status.dataset.working;
        proof.value = await solve(offer);
      }
    } catch {
      // Without a solution the signup is accepted all the same, and its email comes later.
    }
    state = "ready";
    form.requestSubmit(event.submitter);
    state = "idle";
  });
}
