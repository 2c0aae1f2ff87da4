'use strict';
'require baseclass';

/*
 * What netifd says of its interfaces (`ubus call network.interface dump`), read. The device that
 * packets take is l3_device: pppoe-wan over eth0.7, wwan0 of a modem, phy0-sta0 of a Wi-Fi client.
 */

const linkOf = one => one.l3_device || one.device || '';

/* The metric of the default route, or null without one. */
function metricOf(one) {
  const metrics = L.toArray(one.route).filter(({ target, mask }) =>
    mask === 0 && (target === '0.0.0.0' || target === '::')).map(({ metric }) => metric ?? 0);
  return metrics.length > 0 ? Math.min(...metrics) : null;
}

return baseclass.extend({
  /* Each device that is there, { device, names }, with the names that netifd has for it. */
  devicesOf(dump) {
    const names = new Map();
    for (const one of dump) {
      const device = linkOf(one);
      if (device !== '' && device !== 'lo')
        names.set(device, [ ...names.get(device) ?? [], one.interface ]);
    }
    return [ ...names ].map(([ device, called ]) => ({ device, names: called }));
  },

  /* The device of the best default route that is not the TUN's, or null if there is none. */
  uplinkOf(dump, tun) {
    const ways = dump.filter(one => one.up && linkOf(one) !== tun && one.proto !== 'adit')
      .map(one => ({ device: linkOf(one), metric: metricOf(one) }))
      .filter(({ device, metric }) => device !== '' && metric !== null);
    ways.sort((left, right) => left.metric - right.metric);
    return ways[0]?.device ?? null;
  },

  /* The name servers that the network told of, in the order of netifd. */
  resolversOf: dump => [ ...new Set(dump.filter(one => one.up)
    .flatMap(one => L.toArray(one['dns-server']))) ],

  /* The device of a name of netifd, or null. */
  deviceOf: (dump, name) => linkOf(dump.find(one => one.interface === name) ?? {}) || null
});
