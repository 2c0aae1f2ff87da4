'use strict';
'require adit.call as call';
'require adit.parts as parts';
'require baseclass';
'require uci';

/* What the forms over /etc/config/adit share. */

/* As the daemon takes them: see docs/config.md. */
const interfaceName = /^[^\s\/:]{1,15}$/;
const pin = /^sha256\/[A-Za-z0-9+\/]{43}=$/;
const endpoint = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;
const portMax = 65535;

const configFile = '/etc/config/adit';
const isEmpty = value => value == null || value === '';

return baseclass.extend({
  isInterface: value => isEmpty(value) || interfaceName.test(value)
    || _('the name of an interface, 1 to 15 characters'),

  isPin: value => isEmpty(value) || pin.test(value)
    || _('sha256/ and 44 characters of base64'),

  isEndpoint(value) {
    const port = Number(endpoint.exec(value)?.[2]);
    return isEmpty(value) || (port >= 1 && port <= portMax)
      || _('a name or address and a port, such as 192.0.2.1:443 or [2001:db8::1]:443');
  },

  isPath: value => isEmpty(value) || (value.startsWith('/') && value.length <= 255)
    || _('an absolute path'),

  /* Turns one of the checks above into what an option's `validate` has to be. */
  check: judge => function(section, value) {
    return judge(value);
  },

  locationNames: () => uci.sections('adit', 'location').map(section => section['.name']),

  /* Choices of an option that says where traffic goes. */
  fillWays(option) {
    option.value('', _('default location'));
    for (const name of this.locationNames())
      option.value(name);
    option.value('direct', _('direct, past every tunnel'));
  },

  fillWhenDown(option) {
    option.value('block', _('block'));
    option.value('direct', _('direct, past every tunnel'));
    for (const name of this.locationNames())
      option.value(name);
    option.default = 'block';
  },

  load: () => Promise.all([ uci.load('adit'), call.configComplaints() ]).then(loaded => loaded[1]),

  /* A map below its title, what the daemon says about the saved configuration, and more. */
  page(title, map, complaints, ...more) {
    /* A gateway has other options, and none that would be worth a form on a router. */
    const isGateway = uci.get('adit', 'main', 'role') === 'gateway';
    const note = E('p', {}, [ _('This is a gateway: its options stand in %s, see docs/uci.md.')
      .format(configFile) ]);
    return (isGateway ? Promise.resolve(note) : map.render()).then(node => E('div', {}, [
      parts.sheet(), E('h2', {}, [ title ]),
      complaints.length === 0 ? '' : parts.banner({
        kind: 'refused', lines: complaints,
        text: _('The daemon does not take the saved configuration; what it had stays in force:')
      }),
      ...more, node
    ]));
  }
});
