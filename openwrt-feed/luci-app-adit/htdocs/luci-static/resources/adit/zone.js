'use strict';
'require adit.keep as keep';
'require baseclass';
'require uci';

/*
 * The TUN in the firewall of OpenWrt, which rejects what no zone allows: an interface of netifd
 * with the protocol `adit`, a zone that it belongs to, and a forwarding from each zone of the LAN.
 */

const protocol = 'adit';
/* Of the interface and of the zone, for want of others. */
const name = 'adit';

const listOf = value => (Array.isArray(value) ? value : String(value ?? '').match(/\S+/g) ?? []);

function interfaceOf(tun) {
  const all = uci.sections('network', 'interface');
  return all.find(one => one.proto === protocol)
    ?? all.find(one => tun !== undefined && one.device === tun);
}

function zoneOf(network, tun) {
  return uci.sections('firewall', 'zone').find(zone =>
    (network !== undefined && listOf(zone.network).includes(network))
    || listOf(zone.device).includes(tun));
}

/* Names of the zones that the LAN's interfaces belong to. */
function lanZones(devices, named) {
  const networks = uci.sections('network', 'interface').map(one => one['.name'])
    .filter(network => devices.includes(named[network]));
  const zones = uci.sections('firewall', 'zone').filter(zone =>
    listOf(zone.network).some(network => networks.includes(network))
    || listOf(zone.device).some(device => devices.includes(device)));
  return zones.map(zone => keep.last(zone.name)).filter(Boolean);
}

const isForwarded = (from, to) => from === to || uci.sections('firewall', 'forwarding')
  .some(one => one.src === from && one.dest === to && one.enabled !== '0');

/* A name that no section of the configuration has. */
function freeName(config) {
  let free = name;
  for (let i = 2; uci.sections(config).some(one => one['.name'] === free); i++)
    free = name + i;
  return free;
}

return baseclass.extend({
  load: () => Promise.all([ uci.load('network'), uci.load('firewall') ]).then(() => true,
    () => false),

  /*
   * What is there of it, for a TUN and the devices of the LAN; `named` has the device of each
   * interface of netifd. `sources` are the zones from which no forwarding leads to the TUN.
   */
  look(tun, devices, named) {
    const network = interfaceOf(tun)?.['.name'];
    const zone = keep.last(zoneOf(network, tun)?.name);
    const sources = lanZones(devices, named);
    const missing = sources.filter(from => zone === undefined || !isForwarded(from, zone));
    return { network, zone, sources: missing,
      isDone: zone !== undefined && sources.length > 0 && missing.length === 0 };
  },

  /* Adds what `look` found missing. */
  make({ network, zone, sources }) {
    const made = network ?? uci.add('network', 'interface', freeName('network'));
    if (network === undefined)
      uci.set('network', made, 'proto', protocol);
    if (zone === undefined) {
      const section = uci.add('firewall', 'zone', freeName('firewall'));
      const values = { name, network: [ made ], input: 'REJECT', output: 'ACCEPT',
        forward: 'REJECT' };
      for (const key of Object.keys(values))
        uci.set('firewall', section, key, values[key]);
    }
    for (const from of sources) {
      const forwarding = uci.add('firewall', 'forwarding');
      uci.set('firewall', forwarding, 'src', from);
      uci.set('firewall', forwarding, 'dest', zone ?? name);
    }
  }
});
