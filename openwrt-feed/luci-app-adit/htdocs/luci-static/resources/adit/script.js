'use strict';
'require adit.parts as parts';
'require baseclass';

/* A policy script on its way in, and what the daemon says that it would do. */

/* The text of bytes whose signature has to fit afterwards, or null if it is not UTF-8. */
function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    return null;
  }
}

function listOf(title, lines) {
  return lines.length === 0 ? [] : [
    E('h4', {}, [ title ]), E('pre', { 'class': 'adit-lines' }, [ lines.join('\n') ])
  ];
}

/* Where each device goes and would go, and what else the script said. */
function moves(data) {
  const titles = [ _('Device'), _('Goes'), _('Would go'), _('Why'), _('Decided by') ];
  const rows = data.devices.map(device => {
    const isMoved = device.old !== device.new;
    const name = [ device.name || device.mac, device.name ? E('div', {}, [ device.mac ]) : '' ];
    return {
      key: device.mac + ' ' + device.iface,
      cells: [ name, device.old || '–', isMoved ? E('strong', {}, [ device.new || '–' ])
        : _('stays'), device.why || '–', device.rule || '–' ]
    };
  });
  const { added, removed } = data.bypass;
  return [
    E('p', {}, [ E('strong', {}, [
      _('%d of %d devices would move.').format(data.moves, data.known)
    ]) ]),
    ...listOf(_('Warnings: a swap would be refused'), data.warnings),
    parts.table(_('Moves'), titles, rows, _('No device would move.')),
    ...listOf(_('Notes'), data.notes),
    ...listOf(_('Past all tunnels'), [ ...added.map(one => '+ ' + one),
      ...removed.map(one => '- ' + one) ]),
    ...listOf(_('The script says'), data.log.map(line =>
      typeof(line) === 'string' ? line : '%s: %s'.format(line.level, line.text)))
  ];
}

/*
 * The fields for a script and its signature. What a file holds is sent as it is; a text area would
 * change its line ends, and a signature is about bytes.
 */
function create() {
  const area = E('textarea', { 'class': 'adit-script', 'id': 'adit-script', 'spellcheck': 'false',
    'placeholder': 'export default definePolicy({ … });' });
  const file = E('input', { 'type': 'file', 'id': 'adit-file', 'accept': '.mjs,.js' });
  const signatureFile = E('input', { 'type': 'file', 'id': 'adit-signature', 'accept': '.sig' });
  const state = { script: '', signature: undefined, why: null };

  /* Files that are being read; whoever sends waits for them. */
  let reading = Promise.resolve();
  const readInto = (input, take) => input.addEventListener('change', () => {
    const [ chosen ] = input.files;
    const text = chosen ? chosen.arrayBuffer().then(decode) : Promise.resolve('');
    reading = Promise.all([ reading, text ]).then(read => take(read[1]), () => take(null));
  });
  readInto(file, text => {
    state.why = text === null ? _('The file cannot be read, or is not UTF-8 text.') : null;
    state.script = area.value = text ?? '';
    state.signature = undefined;
    signatureFile.value = '';
  });
  readInto(signatureFile, text => { state.signature = text || undefined; });
  area.addEventListener('input', () => {
    state.script = area.value;
    state.why = null;
  });

  return {
    fields: () => [
      E('div', { 'class': 'adit-buttons' }, [
        E('label', { 'for': 'adit-file' }, [ _('Script file') ]), file,
        E('label', { 'for': 'adit-signature' }, [ _('Signature, if scripts are signed') ]),
        signatureFile
      ]),
      E('label', { 'for': 'adit-script' }, [ _('Or its text') ]), area
    ],
    read: () => reading.then(() => (state.why || state.script.trim() === ''
      ? { why: state.why ?? _('Choose a script, or write one.') }
      : { request: { script: state.script, signature: state.signature } }))
  };
}

return baseclass.extend({ create, decode, moves });
