'use strict';
'require adit.call as call';
'require adit.forms as forms';
'require adit.parts as parts';
'require adit.text as text';
'require form';
'require poll';
'require view';

const pollSeconds = 5;
const capacityMax = 1000000;

function addLocations(map) {
  const section = map.section(form.GridSection, 'location', _('Locations'),
    _('Where tunnels lead. The name of a section is the name that rules use.'));
  section.addremove = true;
  section.sortable = true;
  section.nodescriptions = true;
  section.modaltitle = name => _('Location') + (name ? ': ' + name : '');

  let option = section.option(form.ListValue, 'dial', _('Dial'));
  option.value('', _('as in the settings'));
  option.value('now', _('at start'));
  option.value('lazy', _('on the first packet'));

  option = section.option(form.Value, 'token_file', _('Token file'),
    _('File whose first line is the access token.'));
  option.placeholder = '/etc/adit/us.token';
  option.validate = forms.check(forms.isPath);

  option = section.option(form.Value, 'token', _('Token'),
    _('The access token itself. Whoever may read this page can read it: a file keeps it out.'));
  option.password = true;
  option.modalonly = true;

  option = section.option(form.Value, 'server_name', _('Server name'),
    _('Name in the certificate, if it is not that of the gateway.'));
  option.datatype = 'hostname';
  option.modalonly = true;

  option = section.option(form.Value, 'ca_file', _('CA file'),
    _('Certificates that verify gateways without a pin.'));
  option.modalonly = true;
  option.validate = forms.check(forms.isPath);

  option = section.option(form.Value, 'capacity_mbit', _('Capacity'),
    _('Mbit/s that count as full for policy scripts; it limits nothing.'));
  option.datatype = 'range(1,%d)'.format(capacityMax);
  option.modalonly = true;
}

function addGateways(map) {
  const section = map.section(form.GridSection, 'peer', _('Gateways'),
    _('The gateways of each location, tried in turn.'));
  section.addremove = true;
  section.anonymous = true;
  section.sortable = true;
  section.nodescriptions = true;

  let option = section.option(form.ListValue, 'location', _('Location'));
  for (const name of forms.locationNames())
    option.value(name);
  option.rmempty = false;

  option = section.option(form.Value, 'endpoint', _('Endpoint'));
  option.placeholder = 'gw.example.net:443';
  option.rmempty = false;
  option.validate = forms.check(forms.isEndpoint);

  option = section.option(form.Value, 'pin', _('Pin'),
    _('sha256/ and the base64 SHA-256 of the public key of the gateway.'));
  option.validate = forms.check(forms.isPin);

  option = section.option(form.DynamicList, 'pins', _('Further pins'));
  option.modalonly = true;
  option.validate = forms.check(forms.isPin);
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

  render([ complaints, status ]) {
    const place = E('div');
    const show = answer => parts.show(place, shownOf(answer), () => liveTable(answer));
    show(status);
    poll.add(() => call.status().then(show), pollSeconds);
    const map = new form.Map('adit');
    addLocations(map);
    addGateways(map);
    return forms.page(_('adit: locations'), map, complaints,
      parts.section(_('At present'), place));
  }
});
