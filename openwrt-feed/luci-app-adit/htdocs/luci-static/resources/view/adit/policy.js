'use strict';
'require adit.call as call';
'require adit.parts as parts';
'require adit.script as script';
'require adit.text as text';
'require dom';
'require poll';
'require ui';
'require view';

const pollSeconds = 2;
const digestShown = 12;
const confirmMin = 5;
const confirmMax = 3600;

function inForce(policy) {
  const facts = [ [ _('State'), parts.badge(text.script(policy.state)) ] ];
  if (policy.script)
    facts.push(
      [ _('Script'), _('version %d from %s, sha256 %s').format(policy.script.version,
        text.origin(policy.script.origin), policy.script.sha256.slice(0, digestShown)) ],
      [ _('Decides'), _('%d devices, %d prefixes past all tunnels').format(
        policy.routes, policy.bypass.length) ],
      [ _('Uses'), _('%s of memory, %s ms for the last answer').format(
        text.bytes(policy.memory_bytes), (policy.last_cpu_us / 1000).toFixed(1)) ]);
  if (policy.failed_devices > 0)
    facts.push([ _('Failed for'), _('%d devices').format(policy.failed_devices) ]);
  if (policy.last_error)
    facts.push([ _('Last error'), policy.last_error ]);
  if (policy.module !== 'rom' || policy.trial)
    facts.push([ _('Control module'), policy.trial
      ? _('%s, on trial').format(text.origin(policy.module)) : text.origin(policy.module) ]);
  return parts.facts(_('In force'), facts);
}

function history(events) {
  const rows = [ ...events ].reverse().map((event, i) => ({
    key: i,
    cells: [ text.time(event.time * 1000), text.action(event.action), event.slot,
      event.sha256.slice(0, digestShown), event.why ]
  }));
  return parts.table(_('History'), [ _('Time'), _('What'), _('Slot'), 'sha256', _('Why') ], rows,
    _('No script was swapped in yet.'));
}

function log(lines) {
  if (lines.length === 0)
    return E('p', {}, [ E('em', {}, [ _('Scripts have said nothing yet.') ]) ]);
  const shown = lines.map(line =>
    '%s %s: %s'.format(text.time(line.time), line.level, line.text));
  return E('pre', { 'class': 'adit-lines', 'tabindex': 0 }, [ shown.join('\n') ]);
}

function limits(rows) {
  const amount = (number, unit) => (number == null ? '–'
    : unit === 'bytes' ? text.bytes(number) : '%s %s'.format(Math.round(number * 10) / 10, unit));
  return parts.table(_('Limits'), [ _('What'), _('Used'), _('At most') ], rows.map(row => ({
    key: row.name, cells: [ row.name, amount(row.used, row.unit), amount(row.most, row.unit) ]
  })), '–');
}

const endWords = {
  confirm: _('The script is confirmed.'),
  rollback: _('What decided before decides again.'),
  remove: _('What the configuration names decides again.')
};

/* In one of the slots, not named by the configuration. */
const isSwapped = one => one?.origin === 'a' || one?.origin === 'b';

return view.extend({
  ask: () => call.policyView('status'),

  load() {
    return this.ask();
  },

  render(answer) {
    this.present = E('div');
    this.result = E('div', { 'role': 'region', 'aria-label': _('Result'), 'aria-live': 'polite' });
    this.more = E('div');
    this.candidate = script.create();
    this.update(answer);
    this.updateMore();
    poll.add(() => this.ask().then(next => this.update(next)), pollSeconds);
    poll.add(() => Promise.resolve(this.tick()), 1);
    return E('div', {}, [
      parts.sheet(), E('h2', {}, [ _('adit: policy script') ]),
      this.present, parts.isReadOnly() ? '' : this.form(), this.more
    ]);
  },

  update({ data, failure }) {
    if (failure)
      return parts.show(this.present, failure, () => [ parts.banner(failure) ]);
    const { pending } = data.policy;
    this.endsAt = pending ? Date.now() + pending.left_s * 1000 : 0;
    const last = JSON.stringify([ data.policy.last, data.state ]);
    if (this.last !== undefined && this.last !== last)
      this.updateMore();
    this.last = last;
    parts.show(this.present, { ...data, policy: pending && { ...pending, left_s: 0 } }, () => [
      pending ? this.probation('policy', _('On probation'), pending) : '',
      data.control.pending
        ? this.probation('control', _('Control module on trial'), data.control.pending) : '',
      parts.section(_('In force'), inForce(data), this.undo(data))
    ]);
    return this.tick();
  },

  /* The seconds that are left, in between the daemon's own answers. */
  tick() {
    const left = Math.max(0, Math.ceil((this.endsAt - Date.now()) / 1000));
    for (const node of this.present.querySelectorAll('[data-left]'))
      dom.content(node, [ _('%d s left').format(left) ]);
  },

  button(action, module, kind, words) {
    return E('button', {
      'class': 'btn cbi-button cbi-button-' + kind, 'data-focus': module + action,
      'disabled': parts.isReadOnly() || null,
      'click': ui.createHandlerFn(this, 'end', action, module)
    }, [ words ]);
  },

  /* A script that was swapped in and confirmed can be left for the one before it, or for none. */
  undo({ script: decides, policy }) {
    const canUndo = !policy.pending && isSwapped(decides);
    return E('div', { 'class': 'adit-buttons' }, [ ...canUndo ? [
      this.button('rollback', 'policy', 'negative', _('Roll back')),
      this.button('remove', 'policy', 'negative', _('Remove'))
    ] : [] ]);
  },

  probation(module, title, pending) {
    return parts.section(title,
      E('p', {}, [
        _('Slot %s, version %d, sha256 %s:').format(pending.slot, pending.version,
          pending.sha256.slice(0, digestShown)), ' ',
        module === 'policy' ? E('span', { 'class': 'adit-count', 'role': 'timer', 'data-left': '' })
          : _('%d s left').format(pending.left_s)
      ]),
      E('p', {}, [ _('%s of devices have a way out, %s before. When the time is over the script ' +
        'is confirmed, unless fewer devices have a way out than before: then what decided ' +
        'before comes back.')
        .format(text.share(pending.health), text.share(pending.health_before)) ]),
      E('div', { 'class': 'adit-buttons' }, [
        this.button('confirm', module, 'positive', _('Confirm')),
        this.button('rollback', module, 'negative', _('Roll back'))
      ]));
  },

  form() {
    const wait = E('input', { 'type': 'number', 'id': 'adit-confirm', 'min': confirmMin,
      'max': confirmMax, 'placeholder': '60', 'style': 'width:6em' });
    const button = (name, kind, words, ...args) => E('button', {
      'class': 'btn cbi-button cbi-button-' + kind, 'disabled': parts.isReadOnly() || null,
      'click': ui.createHandlerFn(this, name, ...args)
    }, [ words ]);
    this.wait = wait;
    return parts.section(_('Another script'), ...this.candidate.fields(),
      E('div', { 'class': 'adit-buttons' }, [
        button('attempt', 'action', _('Try')),
        button('propose', 'save', _('Swap in…')),
        E('label', { 'for': 'adit-confirm' }, [ _('Probation in seconds') ]), wait
      ]),
      this.result);
  },

  /* Asks for the candidate; what comes back without failure is handed on. */
  send(action, more) {
    const ask = ({ request, why }) => (why
      ? { failure: { kind: 'refused', text: why, lines: [] } }
      : call.policy(action, { ...request, ...more }));
    return this.candidate.read().then(ask).then(({ data, failure }) => {
      if (failure)
        dom.content(this.result, [ parts.banner(failure) ]);
      return data;
    });
  },

  attempt() {
    return this.send('try').then(data => {
      if (data)
        dom.content(this.result, script.moves(data));
      return this.updateMore();
    });
  },

  /* Nothing is swapped in before its owner has seen which devices it moves. */
  propose() {
    return this.send('diff').then(data => {
      if (!data)
        return;
      dom.content(this.result, []);
      ui.showModal([ _('Swap this script in?') ], [
        ...script.moves(data),
        E('div', { 'class': 'adit-buttons right' }, [
          E('button', { 'class': 'btn', 'click': ui.hideModal }, [ _('Cancel') ]),
          E('button', {
            'class': 'btn cbi-button cbi-button-positive', 'click': ui.createHandlerFn(this, 'swap')
          }, [ _('Swap in') ])
        ])
      ]);
    });
  },

  swap() {
    const confirm_s = this.wait.value === '' ? undefined : Number(this.wait.value);
    return this.send('swap', { confirm_s }).then(data => {
      ui.hideModal();
      if (data)
        parts.tell([ 'good', _('Swapped in: %d of %d devices move. %d s of probation have begun.')
          .format(data.moves, data.known, data.confirm_s) ], data.notes);
      return this.ask().then(next => this.update(next));
    });
  },

  end(action, module) {
    return call.policy(action, { module }).then(({ failure }) => {
      if (failure)
        parts.tell([ 'bad', failure.text ], failure.lines);
      else
        parts.tell([ 'good', endWords[action] ]);
      return this.ask().then(next => this.update(next));
    });
  },

  updateMore() {
    return Promise.all([ 'history', 'log', 'limits' ].map(call.policyView))
      .then(([ past, said, most ]) => {
        if (past.failure ?? said.failure ?? most.failure)
          return dom.content(this.more, []);
        return parts.show(this.more, [ past, said, most ].map(({ data }) => data), () => [
          parts.section(_('History'), history(past.data.policy)),
          parts.section(_('Log'), log(said.data.lines)),
          parts.section(_('Limits'), limits(most.data.limits))
        ]);
      });
  },

  handleSave: null,
  handleSaveApply: null,
  handleReset: null
});
