// Which declarations of properties must share one name, and which must keep the name they have.
//
// A value of type S that reaches a place of type T makes both spell their common properties alike.
// A value that reaches a place without a type of ours (`unknown`, `object`, a record, something of
// the language or of the host) may be read there by name: JSON does that, and so all its
// properties are public, and those of every value that was able to get there.
import ts from "typescript";

const untyped = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive;
const data = ts.TypeFlags.Object | ts.TypeFlags.Intersection;

/** The reason of names that the language or the host gave. */
export const ofOthers = "the language or the host";

export class Flows {
  /** Declaration to the one that stands for its group. */
  #parents = new Map();
  /** The group's root to why it is public. */
  #public = new Map();
  /** Types whose values reach a type. */
  #sources = new Map();
  /** Types that are read by name, and why. */
  #escaped = new Map();
  #related = new Set();
  /** Type to one of the same family, and all types. */
  #families = new Map();
  #seen = new Set();

  constructor(checker, isOwn) {
    this.checker = checker;
    this.isOwn = isOwn;
  }

  // ------------------------------------------------------------------------------------- names

  /** The declaration that stands for all that share a name with this one. */
  root(declaration) {
    let at = declaration;
    for (let next = this.#parents.get(at); next !== undefined; next = this.#parents.get(at)) {
      at = next;
    }
    return at;
  }

  /** Why the name has to stay, undefined if it need not. */
  whyPublic(declaration) {
    if (declaration === undefined) return ofOthers;
    return this.#public.get(this.root(declaration));
  }

  /** Joins the declarations of one property, of a union's constituents for example. */
  join(symbols, why = "") {
    const declarations = symbols.flatMap((symbol) => symbol.declarations ?? []);
    for (const declaration of declarations) {
      this.#unite(declarations[0], declaration);
      if (!isPlain(declaration)) this.#keep(declaration, "a parameter or no plain name");
      if (!this.isOwn(declaration)) this.#keep(declaration, ofOthers);
    }
    if (why !== "" && declarations.length > 0) this.#keep(declarations[0], why);
    return declarations[0];
  }

  #unite(left, right) {
    const [from, to] = [this.root(left), this.root(right)];
    if (from === to) return;
    this.#parents.set(from, to);
    if (this.#public.has(from)) this.#keep(to, this.#public.get(from));
  }

  #keep(declaration, why) {
    const root = this.root(declaration);
    if (!this.#public.has(root)) this.#public.set(root, why);
  }

  // ------------------------------------------------------------------------------------- flows

  /** A value of type `source` reaches a place of type `target`. */
  flow(source, target, why) {
    if (source === undefined || target === undefined || source === target) return;
    const key = `${source.id} ${target.id}`;
    if (this.#related.has(key)) return;
    this.#related.add(key);
    this.see(source);
    this.see(target);
    if (isUntyped(target)) return this.escape(source, why);
    if (isUntyped(source)) return this.escape(target, why);
    this.#recordSource(source, target, why);
    this.#flowParts(source, target, why);
  }

  #recordSource(source, target, why) {
    if (source.isUnion() || target.isUnion() || !canHold(source) || !canHold(target)) return;
    const list = this.#sources.get(target) ?? [];
    this.#sources.set(target, list);
    list.push(source);
    if (this.#escaped.has(target)) this.escape(source, this.#escaped.get(target));
  }

  #flowParts(source, target, why) {
    if (source.isUnion()) this.#meet(source.types);
    if (target.isUnion()) this.#meet(target.types);
    if (source.isUnion() || target.isUnion()) return this.#flowUnions(source, target, why);
    const [from, to] = [this.#concrete(source), this.#concrete(target)];
    if (isUntyped(from) || isUntyped(to)) return this.#flowParameters(source, target, why);
    if (from !== source || to !== target) return this.flow(from, to, why);
    if (from.flags & data && to.flags & data) this.#flowObjects(from, to, why);
  }

  /** Parts go where they fit. A guard or an assertion leaves parts out that fit nowhere. */
  #flowUnions(source, target, why) {
    const parts = partsOf(source).filter((from) => canHold(from));
    const targets = partsOf(target);
    const pairs = parts.flatMap((from) => targets.map((to) => ({ from, to })));
    const fitting = pairs.filter(({ from, to }) => this.#fits(from, to));
    const isOpen = (type) => isUntyped(this.#concrete(type));
    const open = pairs.filter(({ from, to }) => isOpen(from) || isOpen(to));
    for (const { from, to } of fitting.length > 0 ? [...fitting, ...open] : pairs) {
      this.flow(from, to, why);
    }
  }

  #fits(from, to) {
    return this.checker.isTypeAssignableTo(from, to) || this.checker.isTypeAssignableTo(to, from);
  }

  /** Without a bound nothing can be read of a type parameter; what is done to it, counts. */
  #flowParameters(source, target, why) {
    if (!source.isIntersection() && !target.isIntersection()) return;
    for (const from of parametersOf(source)) {
      for (const to of parametersOf(target)) this.flow(from, to, why);
    }
  }

  /** A type parameter stands for what it extends. */
  #concrete(type) {
    if (!(type.flags & ts.TypeFlags.Instantiable)) return type;
    return this.checker.getBaseConstraintOfType(type) ?? type;
  }

  #flowObjects(source, target, why) {
    if (this.isOwnType(source) && this.isOwnType(target)) this.#meet([source, target]);
    const left = this.#arguments(source);
    const right = this.#arguments(target);
    if (!this.isOwnType(source) && !this.isOwnType(target) && left.length > 0 && right.length > 0) {
      return this.#flowArguments(left, right, why);
    }
    if (source.target !== undefined && source.target === target.target) {
      this.#flowArguments(left, right, why);
    }
    this.#flowProperties(source, target, why);
    this.#flowIndexes(source, target, why);
    this.#flowSignatures(source, target, why);
  }

  #arguments(type) {
    return type.objectFlags & ts.ObjectFlags.Reference ? this.checker.getTypeArguments(type) : [];
  }

  /** Containers of the language: in pairs if they are alike, else any may reach any. */
  #flowArguments(left, right, why) {
    for (const [at, from] of left.entries()) {
      for (const [other, to] of right.entries()) {
        if (left.length === right.length && at !== other) continue;
        // Our sources have no word `any`: it is the content of a container that is still empty.
        if ((from.flags | to.flags) & ts.TypeFlags.Any) continue;
        this.flow(from, to, why);
        this.flow(to, from, why);
      }
    }
  }

  #flowProperties(source, target, why) {
    for (const to of this.checker.getPropertiesOfType(target)) {
      const from = this.checker.getPropertyOfType(source, to.name);
      if (from === undefined) continue;
      const bare = isNameOnly(from, source) || isNameOnly(to, target);
      this.join([from, to], bare ? `key of a record, ${why}` : "");
      this.flow(this.checker.getTypeOfSymbol(from), this.checker.getTypeOfSymbol(to), why);
    }
  }

  #flowIndexes(source, target, why) {
    for (const [one, other] of [[source, target], [target, source]]) {
      for (const { keyType, type } of this.checker.getIndexInfosOfType(one)) {
        if (!(keyType.flags & ts.TypeFlags.String)) continue;
        if (this.checker.getIndexInfosOfType(other).length === 0) this.publish(other, why);
        for (const symbol of this.checker.getPropertiesOfType(other)) {
          this.flow(this.checker.getTypeOfSymbol(symbol), type, why);
        }
      }
    }
    const [from] = this.checker.getIndexInfosOfType(source);
    const [to] = this.checker.getIndexInfosOfType(target);
    this.flow(from?.type, to?.type, why);
  }

  #flowSignatures(source, target, why) {
    const lists = [
      [source.getCallSignatures(), target.getCallSignatures()],
      [source.getConstructSignatures(), target.getConstructSignatures()],
    ];
    for (const [from, to] of lists) {
      for (const [at, signature] of to.entries()) {
        const other = from[at] ?? from[0];
        if (other !== undefined) this.#flowSignature(other, signature, why);
      }
    }
  }

  #flowSignature(source, target, why) {
    const [from, to] = [source.getParameters(), target.getParameters()];
    for (let at = 0; at < Math.min(from.length, to.length); at += 1) {
      const [own, given] = [from[at], to[at]].map((one) => this.checker.getTypeOfSymbol(one));
      this.flow(given, own, why);
    }
    this.flow(source.getReturnType(), target.getReturnType(), why);
  }

  // ---------------------------------------------------------------------------------- families

  /** A type whose values there are. */
  see(type) {
    if (type.isUnion()) this.#meet(type.types);
    for (const part of partsOf(type)) {
      if (part.flags & data && this.isOwnType(part)) this.#seen.add(part);
    }
  }

  /** One value may be of several of these types, or be taken for it. */
  #meet(types) {
    const objects = types.filter((type) => type.flags & data && this.isOwnType(type));
    for (const type of objects) {
      const [from, to] = [this.#family(type), this.#family(objects[0])];
      if (from !== to) this.#families.set(from, to);
    }
  }

  #family(type) {
    let at = type;
    for (let next = this.#families.get(at); next !== undefined; next = this.#families.get(at)) {
      at = next;
    }
    return at;
  }

  /** Sets of groups of which one value may have several, so that their names have to differ. */
  families() {
    const members = new Map();
    for (const type of this.#seen) {
      const family = this.#family(type);
      const roots = members.get(family) ?? new Set();
      members.set(family, roots);
      for (const symbol of this.checker.getPropertiesOfType(type)) {
        for (const one of symbol.declarations ?? []) roots.add(this.root(one));
      }
    }
    return [...members.values()];
  }

  // ------------------------------------------------------------------------------------ escapes

  /** Somebody may read a value of this type by name, in depth. */
  escape(type, why) {
    if (type === undefined || this.#escaped.has(type) || !canHold(type) || isUntyped(type)) return;
    this.#escaped.set(type, why);
    for (const source of this.#sources.get(type) ?? []) this.escape(source, why);
    if (type.isUnionOrIntersection()) for (const part of type.types) this.escape(part, why);
    const concrete = this.#concrete(type);
    if (concrete !== type) this.escape(concrete, why);
    if (!(type.flags & data)) return;
    for (const part of this.#arguments(type)) this.escape(part, why);
    if (!this.isOwnType(type)) return;
    this.publish(type, why);
    for (const symbol of this.checker.getPropertiesOfType(type)) {
      this.escape(this.checker.getTypeOfSymbol(symbol), why);
    }
    for (const { type: element } of this.checker.getIndexInfosOfType(type)) {
      this.escape(element, why);
    }
    for (const signature of type.getCallSignatures()) this.#escapeSignature(signature, why);
  }

  #escapeSignature(signature, why) {
    for (const one of signature.getParameters()) {
      this.escape(this.checker.getTypeOfSymbol(one), why);
    }
    this.escape(signature.getReturnType(), why);
  }

  /** The names of its own properties stay, not those further inside. */
  publish(type, why, only = undefined) {
    for (const part of partsOf(type)) {
      for (const symbol of this.checker.getPropertiesOfType(this.#concrete(part))) {
        if (only === undefined || only.includes(symbol.name)) this.join([symbol], why);
      }
    }
  }

  isOwnType(type) {
    const declarations = type.symbol?.declarations ?? [];
    return declarations.length === 0 || declarations.some((one) => this.isOwn(one));
  }
}

/** Whether values of the type can have properties of ours. */
function canHold(type) {
  return (type.flags & (data | untyped | ts.TypeFlags.Union | ts.TypeFlags.Instantiable)) !== 0;
}

/** The type parameters of `T & {}`, which is what checks for undefined leave of `T`. */
function parametersOf(type) {
  if (!type.isIntersection()) return [type];
  return type.types.filter((part) => part.flags & ts.TypeFlags.Instantiable);
}

function partsOf(type) {
  return type.isUnion() ? type.types : [type];
}

/** Also `{}`, unless it is the type of an empty literal, which has nothing to show. */
function isUntyped(type) {
  if (type.flags & untyped) return true;
  if (!(type.flags & ts.TypeFlags.Object)) return false;
  const isLiteral = (type.objectFlags & ts.ObjectFlags.ObjectLiteral) !== 0;
  return !isLiteral && isEmpty(type);
}

function isEmpty(type) {
  const signatures = type.getCallSignatures().length + type.getConstructSignatures().length;
  const indexes = [type.getStringIndexType(), type.getNumberIndexType()];
  const some = type.getProperties().length + signatures > 0;
  return !some && indexes.every((one) => one === undefined) && type.getBaseTypes() === undefined;
}

/** A property that comes from a union of names, as in `Record<"a" | "b", T>`. */
function isNameOnly(symbol, type) {
  if ((symbol.declarations ?? []).length > 0) return false;
  const parts = type.isIntersection() ? type.types : [type];
  return parts.some((part) => part.objectFlags & ts.ObjectFlags.Mapped);
}

/** A parameter property is not if its parameter is used as a variable too. */
function isPlain(declaration) {
  if (declaration.name === undefined || !ts.isIdentifier(declaration.name)) return false;
  return !ts.isParameter(declaration) || isUnused(declaration);
}

function isUnused({ name, parent }) {
  const uses = (node) => node !== name &&
    (ts.isIdentifier(node) && node.text === name.text || ts.forEachChild(node, uses) === true);
  return !parent.parameters.concat(parent.body).some((node) => uses(node));
}
