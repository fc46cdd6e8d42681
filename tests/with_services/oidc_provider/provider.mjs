// An OpenID provider for stories: any login signs in, and is the account's name.
//   node provider.mjs FOLDER PORT REDIRECT_URI
// FOLDER has node_modules. Prints its time in milliseconds when it is up. Its clock stands still, like that of stories.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// Nobody reads standard output after the first line.
console.info = console.error;

const now = Date.now();
Date.now = () => now;

const [folder, port, redirectUri] = process.argv.slice(2);
const entry = createRequire(`${folder}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry).href);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'daily desk', client_secret: 'a secret with + and %', redirect_uris: [redirectUri] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (context, login) => ({
    accountId: login,
    claims: () => ({ sub: login, email: `${login}@example.org`, email_verified: login !== 'mallory' }),
  }),
  cookies: { keys: ['stories'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log(`up at ${now}`));
