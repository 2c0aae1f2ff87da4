'use strict';
'require adit.keep as keep';
'require adit.text as text';
'require baseclass';
'require uci';

/*
 * /etc/config/adit as it would be after a save: its text for the daemon to check, and the way back
 * from what the daemon says of a line to the section and the option that stand there.
 */

/* What tells a section without a name from others of its type. */
const subjects = [ 'mac_addr', 'ip_addr', 'iface', 'endpoint' ];

const quote = value => "'" + String(value).replaceAll("'", "'\\''") + "'";

/* What an issue is about, in the path that the daemon gives it. */
const pathPattern = /^(\d+): (\S+)(?: '[^']*')?(?:, option '([^']*)')?$/;

function valuesOf(section, option) {
  const value = uci.get('adit', section, option);
  if (value == null)
    return [];
  return Array.isArray(value) ? value.map(one => [ 'list', one ]) : [ [ 'option', value ] ];
}

/* A section's lines, each { line, section, option, value }. */
function linesOf(section) {
  const { '.name': name, '.type': type, '.anonymous': isAnonymous } = section;
  const head = 'config ' + type + (isAnonymous ? '' : ' ' + quote(name));
  const lines = [ { line: head, section: name, type } ];
  for (const option of Object.keys(section).filter(key => !key.startsWith('.')))
    for (const [ word, value ] of valuesOf(name, option))
      lines.push({ line: word + ' ' + option + ' ' + quote(value), section: name, type, option,
        value });
  return lines;
}

return baseclass.extend({
  /* The text and what each of its lines says. */
  make() {
    const lines = uci.sections('adit').flatMap(linesOf);
    /* A value may have several lines. */
    const says = lines.flatMap(({ line, ...said }) => line.split('\n').map(() => said));
    return { text: lines.map(({ line }) => line + '\n').join(''), says };
  },

  /* An issue of the daemon with the section, the option and the value that it is about. */
  place({ says }, issue) {
    const [ , line, type, option ] = pathPattern.exec(issue.path) ?? [];
    const { section, value } = says[line - 1] ?? {};
    const place = { section, type, option, value: option === undefined ? undefined : value };
    return { ...place, what: text.issue({ ...issue, path: '' }),
      key: [ section, option, issue.expected ].join(' ') };
  },

  nameOf(section) {
    const { '.type': type, '.anonymous': isAnonymous } =
      uci.sections('adit').find(one => one['.name'] === section) ?? {};
    const name = keep.last(uci.get('adit', section, 'name')) || (isAnonymous ? '' : section);
    const subject = subjects.map(key => keep.last(uci.get('adit', section, key))).find(Boolean);
    return [ type, name || subject ].filter(Boolean).join(' ');
  }
});
