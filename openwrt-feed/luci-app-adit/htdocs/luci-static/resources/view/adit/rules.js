'use strict';
'require adit.forms as forms';
'require form';
'require uci';
'require view';

/* The older name of `vl`, which the daemon reads as well. */
const olderWay = 'country_code';

/* What a rule says under its older name is shown, and a new choice replaces both. */
function addWay(section) {
  const option = section.option(form.ListValue, 'vl', _('Goes through'));
  const { load, write, remove } = option;
  option.load = function(name) {
    return load.call(this, name) ?? uci.get('adit', name, olderWay);
  };
  option.write = function(name, value) {
    uci.unset('adit', name, olderWay);
    return write.call(this, name, value);
  };
  option.remove = function(name) {
    uci.unset('adit', name, olderWay);
    return remove.call(this, name);
  };
  forms.fillWays(option);
}

function addRules(map, type, title, description, addSubject, addMore) {
  const section = map.section(form.TableSection, type, title, description);
  section.addremove = true;
  section.anonymous = true;
  section.sortable = true;
  addSubject(section);
  addWay(section);
  forms.fillWhenDown(section.option(form.ListValue, 'when_down', _('While that is down')));
  const inbound = section.option(form.ListValue, 'inbound', _('Answers to port forwards'));
  inbound.value('allow', _('allow'));
  inbound.value('block', _('block'));
  inbound.default = 'allow';
  addMore?.(section);
}

function addMac(section, { hosts }) {
  const option = section.option(form.Value, 'mac_addr', _('MAC address'));
  option.rmempty = false;
  for (const { mac, name } of hosts)
    option.value(mac, name ? '%s (%s)'.format(mac, name) : mac);
}

function addAddress(section, { hosts }) {
  const option = section.option(form.Value, 'ip_addr', _('Address or prefix'));
  option.rmempty = false;
  for (const { name, addresses } of hosts)
    for (const address of addresses)
      option.value(address, name ? '%s (%s)'.format(address, name) : address);
}

/* Rules by address only: the others are about all that comes from a device or an interface. */
function addWhole(section) {
  const option = section.option(form.ListValue, 'whole_device', _('Whole device'));
  option.value('', _('as under Settings'));
  option.value('1', _('all its addresses'));
  option.value('0', _('this address alone'));
}

function addInterface(section, { interfaces }) {
  const option = section.option(form.Value, 'iface', _('Interface'));
  option.rmempty = false;
  forms.fillInterfaces(option, interfaces);
}

return view.extend({
  load: () => forms.load(),

  render(known) {
    const map = forms.map(
      _('Rules that last. A rule for a MAC address comes before one for an address, the longest ' +
        'prefix before shorter ones, and those before interfaces. What no rule names is left ' +
        'alone, unless adit is the default gateway. What was chosen under Devices comes before ' +
        'a rule here for the same MAC address, until adit is stopped.'));
    addRules(map, 'protected_mac_addr', _('Devices'), _('By MAC address.'),
      section => addMac(section, known));
    addRules(map, 'protected_ip_addr', _('Addresses'), _('IPv4 and IPv6 addresses and prefixes.'),
      section => addAddress(section, known), addWhole);
    addRules(map, 'protected_iface', _('Interfaces'), _('Everything that comes in there.'),
      section => addInterface(section, known));
    return forms.page(_('adit: rules'), map, known);
  }
});
