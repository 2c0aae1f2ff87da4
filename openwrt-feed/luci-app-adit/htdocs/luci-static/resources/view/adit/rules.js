'use strict';
'require adit.forms as forms';
'require form';
'require view';

function addRules(map, type, title, description, addSubject) {
  const section = map.section(form.TableSection, type, title, description);
  section.addremove = true;
  section.anonymous = true;
  section.sortable = true;
  addSubject(section);
  forms.fillWays(section.option(form.ListValue, 'vl', _('Goes through')));
  forms.fillWhenDown(section.option(form.ListValue, 'when_down', _('While that is down')));
}

function addMac(section) {
  const option = section.option(form.Value, 'mac_addr', _('MAC address'));
  option.datatype = 'macaddr';
  option.rmempty = false;
}

function addAddress(section) {
  const option = section.option(form.Value, 'ip_addr', _('Address or prefix'));
  option.datatype = 'or(ip4addr, ip6addr)';
  option.rmempty = false;
}

function addInterface(section) {
  const option = section.option(form.Value, 'iface', _('Interface'));
  option.rmempty = false;
  option.validate = forms.check(forms.isInterface);
}

return view.extend({
  load: () => forms.load(),

  render(complaints) {
    const map = new form.Map('adit', null,
      _('Rules that last. A rule for a MAC address comes before one for an address, the longest ' +
        'prefix before shorter ones, and those before interfaces. What no rule names is left ' +
        'alone, unless adit is the default gateway. What was chosen under Devices comes before ' +
        'a rule here for the same MAC address, until adit is stopped.'));
    addRules(map, 'protected_mac_addr', _('Devices'), _('By MAC address.'), addMac);
    addRules(map, 'protected_ip_addr', _('Addresses'), _('IPv4 and IPv6 addresses and prefixes.'),
      addAddress);
    addRules(map, 'protected_iface', _('Interfaces'), _('Everything that comes in there.'),
      addInterface);
    return forms.page(_('adit: rules'), map, complaints);
  }
});
