// A certified OpenID provider on loopback. One argument: JSON with port, clients, people (name -> claims), jwks, and
// clock_s, by which its clock differs from ours. Says "ready" when it listens.
const wanted = JSON.parse(process.argv[2]);

const now = Date.now.bind(Date);
Date.now = () => now() + 1000 * (wanted.clock_s ?? 0);
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
  findAccount: (_, name) =>
    wanted.people[name] && { accountId: name, claims: () => ({ sub: name, ...wanted.people[name] }) },
});
const server = provider.listen(wanted.port, '127.0.0.1', () => console.log('ready'));
process.stdin.resume().on('end', () => server.close(() => process.exit(0))); // nobody is left who started us
