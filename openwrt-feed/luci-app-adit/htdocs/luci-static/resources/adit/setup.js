'use strict';
'require adit.call as call';
'require adit.forms as forms';
'require adit.keep as keep';
'require adit.netifd as netifd';
'require adit.token as token';
'require adit.zone as zone';
'require baseclass';
'require uci';

/* What stands between a fresh package and a device behind a tunnel, and how each step is made. */

/* One line of an own gateway: its name here, its address, its pin and the token for it. */
const joinPattern = /^(\S+)\s+(\S+:\d+)\s+(sha256\/\S+)\s+(\S+)$/;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/* As many as the daemon takes: see docs/uci.md. */
const resolversMax = 4;

const ruleTypes = [ 'protected_mac_addr', 'protected_ip_addr', 'protected_iface' ];
const isOn = value => [ '1', 'on', 'true', 'yes', 'enabled' ].includes(keep.last(value));
const main = key => keep.last(uci.get('adit', forms.main(), key));

/* `wwan*` names all that begin so. */
const isNamed = (name, device) => (name.endsWith('*') ? device.startsWith(name.slice(0, -1))
  : name === device);

function devicesByName(dump) {
  return Object.fromEntries(dump.map(({ interface: name }) =>
    [ name, netifd.deviceOf(dump, name) ]));
}

return baseclass.extend({
  /* { name, endpoint, pin, token } of a line, or { problem }. */
  readJoinLine(line) {
    const [ , name, endpoint, pin, secret ] = joinPattern.exec(line.trim()) ?? [];
    if (name === undefined)
      return { problem: _('expected four words: name, address:port, sha256/… and the token') };
    if (!namePattern.test(name) || [ 'direct', 'block' ].includes(name))
      return { problem: _('expected a name of letters, digits, dots and hyphens, not %s')
        .format(name) };
    if (forms.locationNames().includes(name))
      return { problem: _('there is a location %s already').format(name) };
    const isGood = token.isToken(secret);
    return isGood === true ? { name, endpoint, pin, token: secret }
      : { problem: _('expected a token of %s').format(isGood) };
  },

  /* Stages the location and the gateway of a line that was read. A name needs someone to ask. */
  join({ name, endpoint, pin, token: secret }, { dump }) {
    const location = forms.addLocation(name);
    token.set(location, secret);
    const peer = uci.add('adit', 'peer');
    uci.set('adit', peer, 'location', name);
    uci.set('adit', peer, 'endpoint', endpoint);
    uci.set('adit', peer, 'pin', pin);
    const resolvers = netifd.resolversOf(dump).slice(0, resolversMax);
    if (/[a-z]/i.test(endpoint) && !endpoint.startsWith('[') && !main('resolvers')
      && resolvers.length > 0)
      this.setMain('resolvers', resolvers);
  },

  load() {
    /* A file that nobody can read is for the pages with forms to tell. */
    const configured = uci.load('adit').catch(() => null);
    return Promise.all([ configured, call.interfaces(), zone.load(), call.status() ])
      .then(([ , dump, hasFirewall, status ]) => ({ dump, hasFirewall, status }));
  },

  /* The configured uplinks, the device that netifd has, and whether that is one of them. */
  uplink({ dump }) {
    const names = [ main('wan_ifname') ?? [], uci.get('adit', forms.main(), 'uplinks') ?? [] ]
      .flat();
    const present = netifd.uplinkOf(dump, main('tun_ifname'));
    return { names, present, isKnown: names.some(name => isNamed(name, present ?? '')) };
  },

  hasLocation() {
    const names = forms.locationNames();
    return uci.sections('adit', 'peer').some(peer => names.includes(keep.last(peer.location)));
  },

  hasRule: () => ruleTypes.some(type => uci.sections('adit', type).length > 0)
    || isOn(main('default_gateway')) || Boolean(main('policy_file')),

  isEnabled: () => isOn(main('enabled')),

  /* What the firewall has, or null if the account may not see it. */
  firewall({ dump, hasFirewall }) {
    const named = [ uci.get('adit', forms.main(), 'lan_ifnames') ?? [] ].flat();
    const devices = named.length > 0 ? named : [ netifd.deviceOf(dump, 'lan') ];
    return hasFirewall
      ? zone.look(main('tun_ifname'), devices, devicesByName(dump)) : null;
  },

  setMain(key, value) {
    if (uci.sections('adit', 'adit').length === 0)
      uci.add('adit', 'adit', 'main');
    uci.set('adit', forms.main(), key, value);
  }
});
