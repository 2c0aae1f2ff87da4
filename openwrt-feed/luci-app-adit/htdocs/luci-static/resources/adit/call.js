'use strict';
'require baseclass';
'require fs';
'require rpc';
'require adit.text as text';

/*
 * The daemon's ubus object. Every call here resolves to { data } or to { failure }, never rejects:
 * a daemon that is down is an ordinary state of a page. Names of methods and arguments are those
 * of docs/api.md; nothing is declared with `expect`, which would turn refusals into defaults.
 */

const configFile = '/etc/config/adit';
/* Beside the tokens in a folder of root's, because the text may have one in it. */
const proposedFile = '/etc/adit/proposed';
const rootOnly = 0o600;

const declare = (method, ...params) => rpc.declare({ object: 'adit', method, params });
/* By itself: a batch of calls shares one request, and the bytes of a request are limited. */
const declareAlone = (method, ...params) =>
  rpc.declare({ object: 'adit', method, params, nobatch: true });

const callStatus = declare('status');
const callDevices = declare('devices');
const callExplain = declare('explain', 'target');
const callProtect = declare('protect', 'mac_addr', 'vl', 'when_down');
const callUnprotect = declare('unprotect', 'mac_addr');
const callPolicyView = declare('policy_view', 'action');
const callCheck = declareAlone('check', 'config');
const callPolicy = declareAlone('policy', 'action', 'script', 'signature', 'module', 'confirm_s');

const callHostHints = rpc.declare({
  object: 'luci-rpc', method: 'getHostHints', expect: { '': {} }
});

const callInterfaces = rpc.declare({
  object: 'network.interface', method: 'dump', expect: { interface: [] }
});

/* What `adit config check` finds in a file, { issues, warnings }. */
function checkFile(file) {
  return fs.exec('/usr/bin/adit', [ '--json', 'config', 'check', file ])
    .then(({ stdout }) => JSON.parse(stdout));
}

/* The same for a text, while no daemon runs that could be asked. */
function checkProposed(config) {
  return fs.write(proposedFile, config, rootOnly).then(() => checkFile(proposedFile))
    .then(data => ({ data }), error => ({ failure: text.failureOfError(error) }))
    .finally(() => fs.remove(proposedFile).catch(() => null));
}

function ask(promise) {
  return promise.then(data => {
    const failure = text.failureOf(data);
    return failure ? { failure } : { data };
  }, error => ({ failure: text.failureOfError(error) }));
}

return baseclass.extend({
  status: () => ask(callStatus()),
  devices: () => ask(callDevices()),
  explain: target => ask(callExplain(target)),
  protect: (mac, location, whenDown) => ask(callProtect(mac, location, whenDown)),
  unprotect: mac => ask(callUnprotect(mac)),

  /* Status, history, log or limits, for accounts that may only look as well. */
  policyView: action => ask(callPolicyView(action)),

  /* `args` has script, signature, module and confirm_s as the HTTP interface takes them. */
  policy(action, args) {
    const given = { action, ...args };
    const why = text.tooLong('policy', given);
    if (why)
      return Promise.resolve({ failure: { kind: 'refused', text: why, lines: [] } });
    return ask(callPolicy(action, given.script, given.signature, given.module, given.confirm_s));
  },

  /* What the daemon would say of a configuration with that text: { issues, warnings }. */
  check(config) {
    const why = text.tooLong('check', { config });
    if (why)
      return Promise.resolve({ failure: { kind: 'refused', text: why, lines: [] } });
    /* No answer for want of a daemon: its program can be asked as well. */
    return ask(callCheck(config)).then(answer =>
      (answer.failure && answer.failure.kind !== 'denied' ? checkProposed(config) : answer));
  },

  /* Devices as LuCI knows them, each { mac, name, addresses }; none if that cannot be asked. */
  hosts() {
    return callHostHints().then(hints => Object.keys(hints).map(mac => ({
      mac: mac.toLowerCase(),
      name: typeof(hints[mac]?.name) === 'string' ? hints[mac].name : '',
      addresses: L.toArray(hints[mac]?.ipaddrs)
    })), () => []);
  },

  /* Names by MAC address. */
  names() {
    return this.hosts().then(hosts => Object.fromEntries(hosts
      .filter(({ name }) => name !== '').map(({ mac, name }) => [ mac, name ])));
  },

  /* The interfaces of netifd; none if that cannot be asked. */
  interfaces: () => callInterfaces().catch(() => []),

  /* What `adit config check` says of the saved configuration, one a line: { issues, warnings }. */
  configComplaints() {
    const linesOf = list => list.map(issue =>
      text.issue({ ...issue, path: configFile + ':' + issue.path }));
    return checkFile(configFile).then(({ issues, warnings }) =>
      ({ issues: linesOf(issues), warnings: linesOf(warnings) }))
      .catch(() => ({ issues: [], warnings: [] }));
  },

  /* Writes an access token into a file that root alone can read, whatever stood there. */
  writeToken(file, token) {
    return fs.remove(file).catch(() => null).then(() => fs.write(file, token + '\n', rootOnly));
  },

  start: () => fs.exec('/etc/init.d/adit', [ 'start' ])
});
