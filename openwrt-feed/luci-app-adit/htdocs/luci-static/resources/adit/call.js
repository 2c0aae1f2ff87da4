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
/* The exit status for a configuration with issues; any other says nothing about it. */
const exitBadConfig = 78;

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
const callPolicy = declareAlone('policy', 'action', 'script', 'signature', 'module', 'confirm_s');

const callHostHints = rpc.declare({
  object: 'luci-rpc', method: 'getHostHints', expect: { '': {} }
});

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
    const why = text.tooLong(given);
    if (why)
      return Promise.resolve({ failure: { kind: 'refused', text: why, lines: [] } });
    return ask(callPolicy(action, given.script, given.signature, given.module, given.confirm_s));
  },

  /* Names by MAC address, as LuCI knows them; none if that cannot be asked. */
  names() {
    return callHostHints().then(hints => {
      const names = {};
      for (const mac of Object.keys(hints))
        if (typeof(hints[mac]?.name) === 'string')
          names[mac.toLowerCase()] = hints[mac].name;
      return names;
    }, () => ({}));
  },

  /* What `adit config check` finds wrong with the saved configuration, one a line. */
  configComplaints() {
    return fs.exec('/usr/bin/adit', [ 'config', 'check', configFile ]).then(result => {
      if (result.code !== exitBadConfig)
        return [];
      return String(result.stderr || result.stdout || '').split('\n')
        .filter(line => line.trim() !== '');
    }, () => []);
  },

  start: () => fs.exec('/etc/init.d/adit', [ 'start' ])
});
