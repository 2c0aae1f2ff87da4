'use strict';
'require adit.forms as forms';
'require adit.judge as judge';
'require adit.parts as parts';
'require adit.setup as setup';
'require adit.token as token';
'require adit.zone as zone';
'require uci';
'require ui';
'require view';

const page = words => L.url('admin/vpn/adit/' + words);

function link(words, name) {
  return E('a', { 'class': 'btn cbi-button', 'href': page(words) }, [ name ]);
}

return view.extend({
  load: () => setup.load().then(known => judge.load().then(() => known)),

  render(known) {
    if (forms.isGateway())
      return forms.gatewayNote(_('adit: setup'));
    this.known = known;
    this.place = E('div');
    this.show();
    return E('div', {}, [
      parts.sheet(), E('h2', {}, [ _('adit: setup') ]),
      E('p', {}, [ _('Five steps from a fresh package to a device behind a tunnel. A step takes ' +
        'effect at once.') ]),
      this.place
    ]);
  },

  show() {
    const steps = [ this.uplink(), this.gateway(), this.rules(), this.firewall(), this.service() ];
    parts.show(this.place, null, () => steps.map(({ isDone, title, words, more }) =>
      parts.section(title, E('p', {}, [
        parts.badge(isDone ? [ 'good', _('done') ] : [ 'warn', _('missing') ]), ' ', words
      ]), E('div', { 'class': 'adit-buttons' }, [ ...more ]))));
  },

  button(name, change, judged = () => judge.ask()) {
    return E('button', {
      'class': 'btn cbi-button cbi-button-action', 'disabled': parts.isReadOnly() || null,
      'click': ui.createHandlerFn(this, () => this.apply(change, judged))
    }, [ name ]);
  },

  /* Makes a change, has the daemon judge it, and applies it as Save & Apply does. */
  apply(change, judged) {
    return Promise.resolve().then(change).then(judged).then(() => token.flush())
      .then(() => uci.save()).then(() => ui.changes.apply(true))
      .catch(error => {
        uci.unload([ 'adit', 'network', 'firewall' ]);
        parts.tell([ 'bad', _('Nothing was changed:') ], error.message.split('\n'));
        return this.load().then(known => { this.known = known; });
      });
  },

  uplink() {
    const { names, present, isKnown } = setup.uplink(this.known);
    const step = { title: _('1. Uplink'), isDone: names.length > 0, more: [] };
    const list = names.join(', ');
    if (present === null)
      return { ...step, more: [ link('settings', _('Settings')) ], words: names.length > 0
        ? _('%s; at present no interface has a route to the Internet.').format(list)
        : _('No interface has a route to the Internet at present. Connect the uplink, or name ' +
          'it.')
      };
    if (isKnown)
      return { ...step, words: _('%s has the route to the Internet.').format(present) };
    return { ...step, more: [ this.button(_('Use %s').format(present),
      () => setup.setMain('wan_ifname', present)) ], words: names.length > 0
      ? _('%s is configured, but the route to the Internet leads through %s.').format(list, present)
      : _('The Internet is behind %s.').format(present) };
  },

  gateway() {
    const line = E('input', {
      'type': 'text', 'class': 'cbi-input-text adit-wide', 'autocomplete': 'off',
      'id': 'adit-join', 'aria-label': _('Line of a gateway'),
      'placeholder': 'us gw.example.net:443 sha256/… TOKEN'
    });
    const join = this.button(_('Add'), () => {
      const read = setup.readJoinLine(line.value);
      if (read.problem)
        throw new TypeError(read.problem);
      setup.join(read, this.known);
    });
    return { title: _('2. A location and its gateway'), isDone: setup.hasLocation(),
      words: _('Paste the line of your gateway: a name, its address and port, its pin, and the ' +
        'token for this router. The token goes into a file that only root can read.'),
      more: [ line, join, link('locations', _('By hand')) ] };
  },

  rules: () => ({ title: _('3. Whom it is for'), isDone: setup.hasRule(),
    words: _('At least one rule for a device, an address or an interface.'),
    more: [ link('rules', _('Rules')), link('devices', _('Devices')) ] }),

  firewall() {
    const title = _('4. Firewall');
    const found = setup.firewall(this.known);
    if (found === null)
      return { title, isDone: false, more: [],
        words: _('Your account may not see the firewall, so this cannot be told.') };
    const make = this.button(_('Make zone and forwarding'), () => zone.make(found));
    return { title, isDone: found.isDone, more: found.sources.length > 0 ? [ make ] : [],
      words: found.isDone ? _('Zone %s has the tunnels, and the LAN may go there.')
        .format(found.zone)
        : found.sources.length === 0 ? _('Name the LAN interfaces in the settings first.')
          : _('The firewall rejects what the LAN sends into tunnels: an interface with the ' +
            'protocol adit, a zone for it and a forwarding from %s are needed.')
            .format(found.sources.join(', ')) };
  },

  service() {
    const isRunning = !this.known.status.failure;
    const isEnabled = setup.isEnabled();
    const start = this.button(_('Enable and start'), () => setup.setMain('enabled', '1'),
      () => judge.askAll());
    return { title: _('5. Start'), isDone: isRunning && isEnabled,
      words: isRunning ? _('adit is running.') : isEnabled ? _('adit is enabled, but not running.')
        : _('adit is not enabled.'),
      more: isRunning && isEnabled ? [ link('status', _('Status')) ] : [ start ] };
  },

  handleSave: null,
  handleSaveApply: null,
  handleReset: null
});
