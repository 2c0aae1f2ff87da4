'use strict';
'require adit.call as call';
'require adit.parts as parts';
'require adit.setup as setup';
'require adit.text as text';
'require poll';
'require view';

const pollSeconds = 2;
/* Samples of a graph: two minutes. */
const samplesMax = 60;

/*
 * Looks at the counters of locations or clients and remembers the rates between looks:
 * by name { last: { ms, rx, tx }, samples: [{ rx, tx }] }.
 */
function follow(history, status) {
  const next = {};
  for (const one of status.locations ?? status.clients ?? []) {
    const look = { ms: status.mover_uptime_ms, rx: one.rx_bytes, tx: one.tx_bytes };
    const { last, samples = [] } = history[one.name] ?? {};
    const rate = text.rate(last, look);
    next[one.name] = {
      last: look,
      samples: rate ? [ ...samples, rate ].slice(-samplesMax) : last ? [] : samples
    };
  }
  return next;
}

function daemonFacts(status) {
  const script = status.policy;
  const facts = [
    [ _('State'), [ parts.badge(text.daemon(status.state)), status.settled ? ''
      : ' ' + _('The kernel is not yet as wanted: %s').format(status.problem || _('in work')) ] ],
    [ _('Version'), '%s, %s'.format(status.version,
      status.role === 'gateway' ? _('gateway') : _('router')) ],
    [ _('Running for'), _('%s, forwarding for %s').format(
      text.duration(status.uptime_ms), text.duration(status.mover_uptime_ms)) ]
  ];
  if (status.missing_ifnames?.length > 0)
    facts.push([ _('No such interface'), status.missing_ifnames.join(', ') ]);
  if (status.exposed_files?.length > 0)
    facts.push([ _('Others than root may read'), status.exposed_files.join(', ') ]);
  if (status.weak_spots?.length > 0)
    facts.push([ _('Weak spots'), status.weak_spots.join('; ') ]);
  if (script)
    facts.push([ _('Policy script'), [ parts.badge(text.script(script.state)),
      script.last_error ? ' ' + script.last_error : '' ] ]);
  if (status.decider_restarts > 0)
    facts.push([ _('Restarts of the logic'), '%d: %s'.format(
      status.decider_restarts, status.last_death) ]);
  if (status.repairs > 0)
    facts.push([ _('Repairs'), _('%d times somebody changed what belongs to adit')
      .format(status.repairs) ]);
  return facts;
}

function throughput(history, one) {
  const samples = history[one.name]?.samples ?? [];
  const rate = samples[samples.length - 1];
  const line = (way, arrow, words, total) => E('div', { 'class': 'adit-number' }, [
    E('span', { 'class': 'adit-' + way, 'aria-label': words }, [ arrow ]),
    ' %s (%s)'.format(rate ? text.bits(rate[way]) : '…', text.bytes(total))
  ]);
  return [
    line('rx', '↓', _('received'), one.rx_bytes),
    line('tx', '↑', _('sent'), one.tx_bytes),
    parts.graph(samples, samplesMax)
  ];
}

function dropped(one) {
  const all = one.drop_source + one.drop_queue + one.drop_invalid;
  return all === 0 ? '0' : _('%d: %d waited too long, %d with a foreign address, %d invalid')
    .format(all, one.drop_queue, one.drop_source, one.drop_invalid);
}

function tunnels(status, history) {
  const isGateway = status.clients !== undefined;
  const titles = [ isGateway ? _('Client') : _('Location'), _('State'), _('Throughput (in total)'),
    _('Round trip'), _('Addresses'), _('Dropped packets') ];
  const rows = (status.locations ?? status.clients ?? []).map(one => ({
    key: one.name,
    cells: [
      E('strong', {}, [ one.name ]),
      [ parts.badge(text.location(one.state)), one.reason ? E('div', {}, [ one.reason ]) : '' ],
      throughput(history, one),
      one.rtt_ms == null ? '–' : _('%s ms').format(one.rtt_ms.toFixed(1)),
      [ one.addr4, one.addr6, one.peer ? _('gateway %s').format(one.peer) : '' ]
        .filter(line => line).map(line => E('div', {}, [ line ])),
      dropped(one)
    ]
  }));
  return parts.table(isGateway ? _('Clients') : _('Locations'), titles, rows,
    isGateway ? _('No client is configured.') : _('No location is configured.'));
}

function packets({ packets: count, sessions, operations, plans }) {
  return parts.facts(_('Counters'), [
    [ _('Packets'), _('%d from devices, %d to devices').format(count.tun_rx, count.tun_tx) ],
    [ _('Dropped'), _('%d without tunnel, %d without session, %d invalid').format(
      count.drop_no_route, count.drop_no_session, count.drop_invalid) ],
    [ _('Sessions'), _('%d open, %d since the start').format(sessions.open, sessions.started) ],
    [ _('Changes of the kernel'), _('%d in %d plans').format(operations, plans) ]
  ]);
}

function waitings(status) {
  const rows = status.deadlines.map(({ name, in_ms, why }) => ({
    key: name, cells: [ name, text.duration(in_ms), why ]
  }));
  return E('details', { 'data-key': 'deadlines' }, [
    E('summary', {}, [ _('What is waited for (%d)').format(rows.length) ]),
    parts.table(_('What is waited for'), [ _('What'), _('In'), _('Why') ], rows, _('Nothing.'))
  ]);
}

/* What no counter tells: the firewall throws away what devices send into tunnels. */
function firewallBanner(known) {
  const found = known.status.data?.role === 'router' ? setup.firewall(known) : null;
  if (found === null || found.isDone)
    return '';
  return E('div', { 'class': 'alert-message warning', 'role': 'alert' }, [
    E('h4', {}, [ _('The firewall rejects what the LAN sends into tunnels') ]),
    E('p', {}, [ _('No zone of the firewall lets the LAN into the tunnels, so devices reach ' +
      'nothing through them.') ]),
    E('div', { 'class': 'adit-buttons' }, [
      E('a', { 'class': 'btn cbi-button cbi-button-action',
        'href': L.url('admin/vpn/adit/setup') }, [ _('Setup') ])
    ])
  ]);
}

return view.extend({
  daemonFacts,
  firewallBanner,
  follow,

  load: () => setup.load(),

  render(known) {
    const place = E('div');
    const answer = known.status;
    this.history = {};
    this.update(place, answer);
    poll.add(() => call.status().then(next => this.update(place, next)), pollSeconds);
    return E('div', {}, [ parts.sheet(), E('h2', {}, [ _('adit: status') ]),
      firewallBanner(known), place ]);
  },

  update(place, { data, failure }) {
    if (failure) {
      this.history = {};
      parts.show(place, failure, () => [ parts.banner(failure) ]);
      return;
    }
    this.history = follow(this.history, data);
    parts.show(place, [ data, this.history ], () => [
      parts.section(_('Daemon'), parts.facts(_('Daemon'), daemonFacts(data))),
      parts.section(data.clients ? _('Clients') : _('Locations'), tunnels(data, this.history)),
      parts.section(_('Counters'), packets(data), waitings(data))
    ]);
  },

  handleSave: null,
  handleSaveApply: null,
  handleReset: null
});
