'use strict';
'require adit.call as call';
'require adit.judge as judge';
'require adit.keep as keep';
'require adit.netifd as netifd';
'require adit.parts as parts';
'require adit.token as token';
'require baseclass';
'require dom';
'require form';
'require uci';

/* What the forms over /etc/config/adit share. */

const configFile = '/etc/config/adit';

/* The map of a page: what the daemon would refuse is not saved. */
const CheckedMap = form.Map.extend({
  save(also, isSilent) {
    judge.forget(this);
    const checked = () => Promise.resolve(also?.()).then(() => isSilent || judge.ask(this))
      .then(() => token.flush());
    return this.super('save', [ checked, isSilent ]);
  }
});

return baseclass.extend({
  map: description => new CheckedMap('adit', null, description),

  /* The name of the section that has the scalars. */
  main: () => uci.sections('adit', 'adit')[0]?.['.name'] ?? 'main',

  /* A location's name as rules say it: a section's name has no hyphen, `option name` may. */
  locationName(section) {
    const { '.name': name, '.anonymous': isAnonymous } = section;
    return keep.last(section.name) || (isAnonymous ? '' : name);
  },

  locationNames() {
    return uci.sections('adit', 'location').map(this.locationName).filter(name => name !== '');
  },

  /* Adds a section for a name, which may have signs that names of sections cannot have. */
  addLocation(name) {
    const base = name.replace(/\W/g, '_');
    let section = base;
    for (let i = 2; uci.sections('adit').some(one => one['.name'] === section); i++)
      section = base + '_' + i;
    uci.add('adit', 'location', section);
    if (section !== name)
      uci.set('adit', section, 'name', name);
    return section;
  },

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

  /* Has the daemon judge what a dialog of a grid's row says, before the dialog closes. */
  judgeDialogs(grid) {
    grid.handleModalSave = function(...args) {
      const map = dom.findClassInstance(this.getActiveModalMap());
      judge.forget(map);
      return map.parse().then(() => judge.ask(map, true)).then(() => token.flush())
        .then(() => form.GridSection.prototype.handleModalSave.apply(this, args))
        .catch(error => {
          for (const option of map.children.flatMap(({ children }) => children))
            option.putBack(map.section);
          parts.complain(map.root, error.message);
        });
    };
  },

  /* Choices of an option that takes an interface of Linux: what netifd has up, by its names. */
  fillInterfaces(option, interfaces) {
    for (const { device, names } of interfaces)
      option.value(device, names.length > 0 ? '%s (%s)'.format(device, names.join(', ')) : device);
  },

  /* Everything that forms need besides the configuration. */
  load() {
    const configured = uci.load('adit').then(() => true, () => false);
    return Promise.all([ configured, configured.then(isRead => isRead && judge.load()),
      call.configComplaints(), call.hosts(), call.interfaces() ])
      .then(([ isRead, unchecked, complaints, hosts, dump ]) => ({
        isRead, unchecked, complaints, hosts, interfaces: netifd.devicesOf(dump)
      }));
  },

  isGateway() {
    return uci.get('adit', this.main(), 'role') === 'gateway';
  },

  /* A gateway has other options, and none that would be worth a form on a router. */
  gatewayNote: title => E('div', {}, [
    parts.sheet(), E('h2', {}, [ title ]),
    E('p', {}, [ _('This is a gateway: its options stand in %s, see docs/uci.md.')
      .format(configFile) ])
  ]),

  /* A map below its title, what the daemon says about the saved configuration, and more. */
  page(title, map, { isRead, unchecked, complaints }, ...more) {
    for (const section of map.children)
      for (const option of section.children) {
        keep.option(option);
        judge.option(option);
      }
    if (this.isGateway())
      return Promise.resolve(this.gatewayNote(title));
    /* Whoever wrote a file that cannot be read has to mend it, with what is said of it. */
    const form = isRead ? map.render() : Promise.resolve('');
    return form.then(node => E('div', {}, [
      parts.sheet(), E('h2', {}, [ title ]),
      complaints.issues.length === 0 ? '' : parts.banner({
        kind: 'refused', lines: complaints.issues,
        text: _('The daemon does not take the saved configuration; what it had stays in force:')
      }),
      complaints.warnings.length === 0 ? '' : parts.banner({
        kind: 'refused', lines: complaints.warnings,
        text: _('The saved configuration says something that may not be meant:')
      }),
      unchecked && !parts.isReadOnly() ? parts.banner({
        kind: 'refused', lines: [ unchecked.text ],
        text: _('The daemon cannot be asked, so what is saved here is not checked before:')
      }) : '',
      ...more, node
    ]));
  }
});
