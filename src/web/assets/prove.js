// Solves the small puzzle that a signup needs while signups look like an attack: finds the number that, written after the salt,
// has the wanted SHA-256. Used by our own page, and by embed.js on others.
const AT_ONCE = 500;

// The proof for a challenge, as the field `proof` takes it.
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

// The proof for the challenge at an address.
export const prove = async address => {
  const answer = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer" });
  return solve(await answer.json());
};

// Our own page, which has its challenge in it: it goes on by itself. Where that can't be, it stays as it is, with a wait and a button.
const form = document.querySelector("form[data-challenge]");
if (form && globalThis.crypto?.subtle) {
  const wait = document.getElementById("wait");
  const status = document.getElementById("status");
  wait.hidden = true;
  status.textContent = status.dataset.working;
  solve(JSON.parse(form.dataset.challenge)).then(
    proof => {
      form.elements.proof.value = proof;
      form.requestSubmit();
    },
    () => {
      wait.hidden = false;
      status.textContent = "";
    },
  );
}
