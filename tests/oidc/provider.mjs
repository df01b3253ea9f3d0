// A certified OpenID provider on loopback. One argument: JSON with port, clients, people (name -> claims), jwks, and
// id_token_age_s, which ID tokens have when they are given. Says "ready" when it listens.
const wanted = JSON.parse(process.argv[2]);

// Between a look at the lifetime of an ID token and the end of the request the clock is as late as it is to be old.
const now = Date.now.bind(Date);
let late_s = 0;
Date.now = () => now() - 1000 * late_s;
process.env.NODE_NO_WARNINGS = '1';
console.warn = console.info = () => {};

const { Provider } = await import('oidc-provider');

const provider = new Provider(`http://127.0.0.1:${wanted.port}`, {
  clients: wanted.clients,
  jwks: wanted.jwks,
  cookies: { keys: ['for these tests alone'] },
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
  },
  conformIdTokenClaims: wanted.claims_in_id_token !== true,
  ttl: {
    IdToken: () => {
      late_s = wanted.id_token_age_s ?? 0;
      return 3600;
    },
  },
  findAccount: (_, name) =>
    wanted.people[name] && { accountId: name, claims: () => ({ sub: name, ...wanted.people[name] }) },
});
provider.use(async (_, next) => {
  await next().finally(() => { late_s = 0; });
});
const server = provider.listen(wanted.port, '127.0.0.1', () => console.log('ready'));
process.stdin.resume().on('end', () => server.close(() => process.exit(0))); // nobody is left who started us
