'use strict';
'require adit.call as call';
'require adit.keep as keep';
'require baseclass';
'require uci';

/*
 * A field for an access token that never shows one: what is typed goes into a file that root alone
 * can read, and the configuration names the file. An option `token`, which whoever reads the
 * configuration can read, gives way to it.
 */

const folderPattern = /^\/etc\/adit\/[^\/]+\.token$/;
/* As the daemon takes tokens: see docs/uci.md. */
const tokenPattern = /^(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,512}$/;

/* Tokens by file: those that wait for the page to be saved, and those that were written. */
const waiting = new Map();
const written = new Map();

function fileOf(section) {
  const file = keep.last(uci.get('adit', section, 'token_file'));
  return folderPattern.test(file) ? file : '/etc/adit/%s.token'.format(section);
}

return baseclass.extend({
  isToken: value => tokenPattern.test(value)
    || _('1 to 512 letters, digits and . _ - ~ or percent-encoded bytes'),

  /* Has a section name the file for a token, which `flush` writes. */
  set(section, token) {
    const file = fileOf(section);
    uci.set('adit', section, 'token_file', file);
    uci.unset('adit', section, 'token');
    if (written.get(file) !== token)
      waiting.set(file, token);
  },

  /* Makes an option named `token` of the field for it; it has to come after `token_file`. */
  field(option) {
    option.password = true;
    option.modalonly = true;
    option.validate = (section, value) => value === '' || this.isToken(value);
    option.load = () => null;
    option.write = (section, value) => this.set(section, value);
  },

  /* To be called when the configuration that names the files is about to be saved. */
  flush() {
    const files = [ ...waiting ];
    waiting.clear();
    return Promise.all(files.map(([ file, token ]) =>
      call.writeToken(file, token).then(() => written.set(file, token))));
  }
});
