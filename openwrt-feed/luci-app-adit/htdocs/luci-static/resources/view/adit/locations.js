'use strict';
'require adit.call as call';
'require adit.forms as forms';
'require adit.parts as parts';
'require adit.text as text';
'require adit.token as token';
'require form';
'require poll';
'require uci';
'require ui';
'require view';

const pollSeconds = 5;

/* The row below the table, in which LuCI's own would refuse us-east. */
function addRow(className) {
  const name = E('input', {
    'type': 'text', 'class': 'cbi-section-create-name', 'placeholder': 'us-east',
    'aria-label': _('Name of a new location'), 'disabled': this.map.readonly || null
  });
  return E('div', { 'class': 'cbi-section-create ' + (className ?? '') }, [
    E('div', {}, [ name ]),
    E('button', {
      'class': 'cbi-button cbi-button-add', 'disabled': this.map.readonly || null,
      'click': ui.createHandlerFn(this, () => {
        const section = name.value.trim() === '' ? null : forms.addLocation(name.value.trim());
        this.map.addedSection = section;
        return section && this.renderMoreOptionsModal(section);
      })
    }, [ _('Add') ])
  ]);
}

function addLocations(map) {
  const section = map.section(form.GridSection, 'location', _('Locations'),
    _('Where tunnels lead. Rules use their names.'));
  const nameOf = name => forms.locationName(
    uci.sections('adit', 'location').find(one => one['.name'] === name) ?? {});
  section.addremove = true;
  section.sortable = true;
  section.nodescriptions = true;
  section.sectiontitle = nameOf;
  section.modaltitle = name => _('Location') + ': ' + nameOf(name);
  section.renderSectionAdd = addRow;
  forms.judgeDialogs(section);
  addTunnel(section);
  addVerification(section);
}

function addTunnel(section) {
  let option = section.option(form.Value, 'name', _('Name'),
    _('If it is not that of the section, which has no hyphens and dots.'));
  option.modalonly = true;

  option = section.option(form.ListValue, 'dial', _('Dial'));
  option.value('', _('as in the settings'));
  option.value('now', _('at start'));
  option.value('lazy', _('on the first packet'));

  option = section.option(form.Value, 'token_file', _('Token file'),
    _('File whose first line is the access token.'));
  option.placeholder = '/etc/adit/us.token';

  token.field(section.option(form.Value, 'token', _('New token'),
    _('Is written to the token file, which only root can read, and never shown.')));

  option = section.option(form.Value, 'capacity_mbit', _('Capacity'),
    _('Mbit/s that count as full for policy scripts; it limits nothing.'));
  option.modalonly = true;
}

function addVerification(section) {
  let option = section.option(form.Value, 'server_name', _('Server name'),
    _('Name in the certificate, if it is not that of the gateway.'));
  option.modalonly = true;

  option = section.option(form.Value, 'ca_file', _('CA file'),
    _('Certificates that verify gateways without a pin.'));
  option.modalonly = true;
}

function addGateways(map) {
  const section = map.section(form.GridSection, 'peer', _('Gateways'),
    _('The gateways of each location, tried in turn.'));
  section.addremove = true;
  section.anonymous = true;
  section.sortable = true;
  section.nodescriptions = true;
  forms.judgeDialogs(section);

  let option = section.option(form.ListValue, 'location', _('Location'));
  for (const name of forms.locationNames())
    option.value(name);
  option.rmempty = false;

  option = section.option(form.Value, 'endpoint', _('Endpoint'));
  option.placeholder = 'gw.example.net:443';
  option.rmempty = false;

  option = section.option(form.Value, 'pin', _('Pin'),
    _('sha256/ and the base64 SHA-256 of the public key of the gateway.'));

  option = section.option(form.DynamicList, 'pins', _('Further pins'));
  option.modalonly = true;
}

function addResolvers(map) {
  const section = map.section(form.NamedSection, forms.main(), 'adit', _('Names of gateways'));
  section.addremove = false;
  const option = section.option(form.DynamicList, 'resolvers', _('Name servers'),
    _('Asked for names of gateways.'));
  option.placeholder = '192.0.2.53';
}

function liveTable({ data, failure }) {
  if (failure)
    return parts.banner(failure);
  return parts.table(_('Locations at present'), [ _('Location'), _('State'), _('Round trip'),
    _('Gateway') ], (data.locations ?? []).map(one => ({
    key: one.name,
    cells: [
      E('strong', {}, [ one.name ]),
      [ parts.badge(text.location(one.state)), one.reason ? ' ' + one.reason : '' ],
      one.rtt_ms == null ? '–' : _('%s ms').format(one.rtt_ms.toFixed(1)),
      one.peer || '–'
    ]
  })), _('No location is configured.'));
}

/* What of an answer is shown here: everything else changes with every look. */
function shownOf({ data, failure }) {
  return failure ?? (data.locations ?? []).map(one => [ one.name, one.state, one.reason,
    one.peer, one.rtt_ms?.toFixed(1) ]);
}

return view.extend({
  load: () => Promise.all([ forms.load(), call.status() ]),

  render([ known, status ]) {
    const place = E('div');
    const show = answer => parts.show(place, shownOf(answer), () => liveTable(answer));
    show(status);
    poll.add(() => call.status().then(show), pollSeconds);
    const map = forms.map();
    addLocations(map);
    addGateways(map);
    addResolvers(map);
    return forms.page(_('adit: locations'), map, known,
      parts.section(_('At present'), place));
  }
});
