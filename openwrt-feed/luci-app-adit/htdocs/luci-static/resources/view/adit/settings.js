'use strict';
'require adit.forms as forms';
'require form';
'require view';

function addGeneral(section, { interfaces }) {
  let option = section.taboption('general', form.Flag, 'enabled', _('Enabled'),
    _('Whether the service starts at boot and at Save &amp; Apply.'));
  option.rmempty = false;

  option = section.taboption('general', form.Value, 'tun_ifname', _('Tunnel interface'));
  option.placeholder = 'wrt0';
  option.rmempty = false;

  option = section.taboption('general', form.Value, 'wan_ifname', _('Uplink interface'));
  option.rmempty = false;
  forms.fillInterfaces(option, interfaces);

  option = section.taboption('general', form.DynamicList, 'uplinks', _('Further uplinks'),
    _('The preferred one first; wwan* is all that begin so.'));
  forms.fillInterfaces(option, interfaces);

  option = section.taboption('general', form.DynamicList, 'lan_ifnames', _('LAN interfaces'),
    _('Their networks stay within reach of protected devices.'));
  forms.fillInterfaces(option, interfaces);

  option = section.taboption('general', form.ListValue, 'vl_default', _('Default location'));
  option.value('', _('the first location'));
  for (const name of forms.locationNames())
    option.value(name);

  section.taboption('general', form.Flag, 'default_gateway', _('Default gateway'),
    _('Everything goes through tunnels, the router included.'));

  option = section.taboption('general', form.Flag, 'whole_device', _('Whole devices'),
    _('A rule for an address covers all other addresses of the device that has it.'));
  option.default = option.enabled;

  option = section.taboption('general', form.ListValue, 'dial', _('Dial'));
  option.value('now', _('at start'));
  option.value('lazy', _('on the first packet'));

  option = section.taboption('general', form.ListValue, 'on_stop', _('When adit stops'));
  option.value('restore', _('restore the router as it was'));
  option.value('block', _('keep protected devices blocked'));
}

function addAdvanced(section) {
  let option = section.taboption('advanced', form.Value, 'tun_mtu', _('MTU'),
    _('0 takes the smallest that a gateway offers.'));
  option.placeholder = '0';

  option = section.taboption('advanced', form.DynamicList, 'reach_tables', _('Routing tables'),
    _('Whose networks beside the uplinks stay within reach; 254 is main.'));
  option.placeholder = '254';

  option = section.taboption('advanced', form.Flag, 'offload', _('Segmentation offload'));
  option.default = option.enabled;

  section.taboption('advanced', form.Flag, 'no_iptables', _('No firewall rules'),
    _('Leaves out one of the two layers that block what must not leak.'));
}

function addPolicy(section) {
  let option = section.taboption('policy', form.Value, 'policy_file', _('Script'),
    _('Decides beside the rules; a script that was swapped in comes before it.'));
  option.placeholder = '/etc/adit/policy.mjs';

  option = section.taboption('policy', form.Value, 'policy_timezone', _('Time zone'),
    _('In POSIX form, such as CET-1CEST,M3.5.0,M10.5.0/3.'));
  option.placeholder = 'UTC0';

  option = section.taboption('policy', form.ListValue, 'policy_unanswered', _('Undecided devices'),
    _('What happens to devices that neither script nor rule decides.'));
  option.value('block', _('block'));
  option.value('builtin', _('leave them to the default'));

  option = section.taboption('policy', form.Value, 'policy_leases_file', _('Leases file'),
    _('Where scripts find the names of devices.'));
  option.placeholder = '/tmp/dhcp.leases';

  option = section.taboption('policy', form.Value, 'policy_confirm_s', _('Probation'),
    _('Seconds in which a swapped script has to be confirmed or healthy.'));
  option.placeholder = '60';

  option = section.taboption('policy', form.Value, 'policy_memory_kib', _('Memory'), _('KiB'));
  option.placeholder = '1024';

  section.taboption('policy', form.DynamicList, 'policy_public_keys', _('Public keys'),
    _('Who may sign scripts: the second line of a usign key file. None: no signature is asked ' +
      'for.'));
}

return view.extend({
  load: () => forms.load(),

  render(known) {
    const map = forms.map();
    const section = map.section(form.NamedSection, forms.main(), 'adit');
    section.addremove = false;
    section.tab('general', _('General'));
    section.tab('policy', _('Policy script'));
    section.tab('advanced', _('Advanced'));
    addGeneral(section, known);
    addPolicy(section);
    addAdvanced(section);
    return forms.page(_('adit: settings'), map, known);
  }
});
