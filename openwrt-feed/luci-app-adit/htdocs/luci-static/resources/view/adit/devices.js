'use strict';
'require adit.call as call';
'require adit.parts as parts';
'require adit.text as text';
'require poll';
'require ui';
'require view';

const pollSeconds = 3;
/* More locations than this stand in a list, where they are buttons side by side otherwise. */
const buttonsMax = 5;

/* What a device can be sent to: all locations, past every tunnel, or no rule of its own. */
function choicesOf(locations) {
  return [
    ...locations.map(({ name }) => [ name, name ]),
    [ 'direct', _('direct') ],
    [ '', _('no own rule') ]
  ];
}

function nameOf(names, device) {
  return names[device.mac] || device.addresses[0] || device.mac;
}

/*
 * What a change came to, as [ level, words ]: a script may decide otherwise than a rule, and a rule
 * that could not be written down is forgotten by a daemon that crashes.
 */
function moved(name, way, seen = [], notKept = undefined) {
  const script = seen.find(({ rule }) => rule.startsWith('policy:'));
  if (script)
    return [ 'warn', _('The rule for %s is changed, but the policy script decides first: %s')
      .format(name, text.way(script)[1]) ];
  const done = way === '' ? _('%s has no rule of its own any more').format(name)
    : _('%s is sent through %s').format(name, way);
  if (notKept)
    return [ 'warn', _('%s, but only until adit restarts: %s').format(done, notKept) ];
  return [ 'good', done ];
}

return view.extend({
  choicesOf,
  moved,
  nameOf,

  ask() {
    return Promise.all([ call.devices(), call.status(), call.names() ]);
  },

  load() {
    return this.ask();
  },

  render(answers) {
    this.place = E('div');
    this.update(answers);
    poll.add(() => this.ask().then(next => this.update(next)), pollSeconds);
    return E('div', {}, [
      parts.sheet(), E('h2', {}, [ _('adit: devices') ]),
      E('p', {}, [ _('Devices that are on the network, and where their traffic goes. A choice ' +
        'made here is a rule for the MAC address: it takes effect at once, survives a crash ' +
        'and a reload, and ends when adit is stopped. Lasting rules belong under Rules.') ]),
      this.place
    ]);
  },

  update([ devices, status, names ]) {
    const failure = devices.failure ?? status.failure;
    if (failure)
      return parts.show(this.place, failure, () => [ parts.banner(failure) ]);
    const locations = (status.data.locations ?? []).map(({ name, state }) => ({ name, state }));
    const list = devices.data.devices;
    return parts.show(this.place, [ list, locations, names ],
      () => [ this.table(list, locations, names) ]);
  },

  table(list, locations, names) {
    const titles = [ _('Device'), _('Address'), _('Goes'), _('Decided by'), _('Send through'),
      _('Details') ];
    return parts.table(_('Devices'), titles, list.map(device => ({
      key: device.mac + ' ' + device.rule,
      cells: [
        [ E('strong', {}, [ nameOf(names, device) ]), E('div', {}, [ device.mac ]) ],
        [ ...device.addresses, device.iface ].map(line => E('div', {}, [ line ])),
        parts.badge(text.way(device)),
        device.rule || _('no rule'),
        this.chooser(device, locations, nameOf(names, device)),
        E('button', {
          'class': 'btn cbi-button', 'data-focus': 'why ' + device.mac,
          'aria-label': _('Why does %s go this way?').format(nameOf(names, device)),
          'click': ui.createHandlerFn(this, 'explain', device)
        }, [ _('Why?') ])
      ]
    })), _('No device has been seen yet. Devices appear with their first packet.'));
  },

  chooser(device, locations, name) {
    const choices = choicesOf(locations);
    const chosen = text.choice(device) ?? '';
    const label = way => (way === '' ? _('Remove the rule for %s').format(name)
      : _('Send %s through %s').format(name, way));
    if (locations.length > buttonsMax)
      return E('select', {
        'class': 'cbi-input-select', 'aria-label': _('Way of %s').format(name),
        'disabled': parts.isReadOnly() || null, 'data-focus': 'way ' + device.mac,
        'change': event => this.move(device, name, event.target.value, event)
      }, choices.map(([ way, words ]) => E('option', {
        'value': way, 'selected': way === chosen || null
      }, [ words ])));
    return E('div', { 'class': 'adit-choices', 'role': 'group',
      'aria-label': _('Way of %s').format(name) }, choices.map(([ way, words ]) => E('button', {
      'class': 'btn cbi-button' + (way === chosen ? ' cbi-button-action' : ''),
      'aria-pressed': String(way === chosen), 'aria-label': label(way),
      'disabled': parts.isReadOnly() || null, 'data-focus': 'way %s %s'.format(device.mac, way),
      'click': ui.createHandlerFn(this, 'move', device, name, way)
    }, [ words ])));
  },

  move(device, name, way, event) {
    /* A handler disables its button, which takes the focus away; and an open list is kept. */
    const focus = event.target.dataset.focus;
    event.target.blur();
    const change = way === '' ? call.unprotect(device.mac) : call.protect(device.mac, way);
    return change.then(({ data, failure }) => this.ask().then(next => {
      this.update(next);
      parts.focus(this.place, focus);
      if (failure)
        parts.tell([ 'bad', _('%s was not moved: %s').format(name, failure.text) ], failure.lines);
      else
        parts.tell(moved(name, way, next[0].data?.devices.filter(({ mac }) => mac === device.mac),
          data.not_kept));
    }));
  },

  explain(device) {
    return call.explain(device.mac).then(({ data, failure }) => {
      if (failure)
        return parts.tell([ 'bad', failure.text ], failure.lines);
      return ui.showModal([ _('Why %s goes this way').format(device.mac) ], [
        E('ol', {}, data.reasons.map(reason => E('li', { 'class': 'adit-word' }, [ reason ]))),
        E('div', { 'class': 'right' }, [
          E('button', { 'class': 'btn', 'click': ui.hideModal }, [ _('Close') ])
        ])
      ]);
    });
  },

  handleSave: null,
  handleSaveApply: null,
  handleReset: null
});
