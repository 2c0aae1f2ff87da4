'use strict';
'require adit.call as call';
'require adit.proposal as proposal';
'require baseclass';

/*
 * Asks the daemon about what a form is going to save, and marks the fields that it would refuse.
 * The daemon's checks are the only ones: nothing here knows what a good address looks like.
 */

/* What was wrong before anybody edited: other pages may be where it can be mended. */
let known = new Set();

/* For what has no field to mark. */
const noForm = { children: [], lookupOption: () => null };

const ask = () => {
  const made = proposal.make();
  return call.check(made.text).then(({ data, failure }) => ({
    failure, places: (data?.issues ?? []).map(issue => proposal.place(made, issue))
  }));
};

function optionOf(map, { type, option }) {
  return map.children.filter(section => section.sectiontype === type)
    .flatMap(section => section.children).find(one => one.option === option);
}

/* Has each told field judge itself again. */
function refresh(map, places) {
  for (const { section, option } of places) {
    const [ field ] = map.lookupOption(option, section) ?? [];
    field?.triggerValidation(section);
  }
}

return baseclass.extend({
  /* Resolves to why the daemon cannot be asked, undefined if it can. */
  load() {
    return ask().then(({ failure, places }) => {
      known = new Set(places.map(({ key }) => key));
      return failure;
    });
  },

  /* To be called once for an option: its field shows what the daemon says of its value. */
  option(option) {
    const { validate } = option;
    option.validate = function(section, value) {
      const told = (this.map.told ?? []).find(place => place.section === section
        && place.option === this.option && (place.value ?? '') === value);
      return told ? told.what : validate.call(this, section, value);
    };
  },

  /* Takes back what was told of a former attempt. */
  forget(map) {
    const told = map.told ?? [];
    map.told = [];
    refresh(map, told);
  },

  /*
   * Rejects with everything that the daemon would refuse and that this form is the place for: its
   * own fields, and what its changes would break elsewhere. With `isPart`, fields alone.
   */
  ask(map = noForm, isPart = false) {
    return ask().then(({ places }) => {
      map.told = places.filter(place => optionOf(map, place));
      refresh(map, map.told);
      const refused = places.filter(place => map.told.includes(place)
        || (!isPart && !known.has(place.key)));
      if (refused.length > 0)
        throw new TypeError(refused.map(place => this.line(map, place)).join('\n'));
    });
  },

  /* Rejects with everything that stands in the way of a start, wherever it is to be mended. */
  askAll() {
    return ask().then(({ places }) => {
      if (places.length > 0)
        throw new TypeError(places.map(place => this.line(noForm, place)).join('\n'));
    });
  },

  line(map, place) {
    const title = optionOf(map, place)?.title ?? place.option;
    return [ proposal.nameOf(place.section), title ].filter(Boolean).join(', ') + ': ' + place.what;
  }
});
