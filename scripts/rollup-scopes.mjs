// The variables of a module: where each is declared, where it is used, and in which scopes its
// name is needed. A parameter and the body of its function share a scope.

/** `[{ scope, places, live }]`; a place is `{ node, owner }`, the property that it is value of. */
export function findVariables(program) {
  const finder = new Finder();
  finder.block(program.body, { parent: undefined, isFunction: true, declared: new Map() });
  return finder.resolve();
}

class Finder {
  uses = [];
  variables = [];

  block(nodes, scope) {
    for (const node of nodes) this.visit(node, scope);
  }

  inner(scope, isFunction = false) {
    return { parent: scope, isFunction, declared: new Map() };
  }

  declare(node, scope, owner = undefined) {
    if (!scope.declared.has(node.name)) {
      const variable = { scope, places: [], live: new Set([scope]) };
      scope.declared.set(node.name, variable);
      this.variables.push(variable);
    }
    this.uses.push({ node, scope, owner });
  }

  visit(node, scope, owner = undefined) {
    if (Array.isArray(node)) return this.block(node, scope);
    if (typeof node?.type !== "string") return undefined;
    if (node.type === "Identifier") return this.uses.push({ node, scope, owner });
    const handler = this[node.type];
    if (handler !== undefined) return handler.call(this, node, scope, owner);
    for (const child of Object.values(node)) this.visit(child, scope);
    return undefined;
  }

  /** What declares names: a variable, a parameter, what a catch takes. */
  pattern(node, scope, owner = undefined) {
    switch (node?.type) {
      case "Identifier":
        return this.declare(node, scope, owner);
      case "AssignmentPattern":
        this.pattern(node.left, scope, owner);
        return this.visit(node.right, scope);
      case "RestElement":
        return this.pattern(node.argument, scope);
      case "ArrayPattern":
        return node.elements.forEach((one) => this.pattern(one, scope));
      case "ObjectPattern":
        return node.properties.forEach((one) => this.patternProperty(one, scope));
      default:
        return undefined;
    }
  }

  patternProperty(node, scope) {
    if (node.type === "RestElement") return this.pattern(node, scope);
    if (node.computed) this.visit(node.key, scope);
    return this.pattern(node.value, scope, node);
  }

  function(node, scope) {
    const own = this.inner(scope, true);
    if (node.type === "FunctionDeclaration") this.declare(node.id, scope);
    else if (node.id) this.declare(node.id, own);
    for (const one of node.params) this.pattern(one, own);
    if (node.body.type === "BlockStatement") this.block(node.body.body, own);
    else this.visit(node.body, own);
  }

  class(node, scope) {
    const own = this.inner(scope);
    if (node.id) this.declare(node.id, node.type === "ClassDeclaration" ? scope : own);
    this.visit(node.superClass, own);
    this.visit(node.body, own);
  }

  within(node, scope) {
    const own = this.inner(scope);
    for (const child of Object.values(node)) this.visit(child, own);
  }

  member(node, scope) {
    if (node.computed) this.visit(node.key, scope);
    this.visit(node.value, scope, node.type === "Property" ? node : undefined);
  }

  FunctionDeclaration = this.function;
  FunctionExpression = this.function;
  ArrowFunctionExpression = this.function;
  ClassDeclaration = this.class;
  ClassExpression = this.class;
  BlockStatement = this.within;
  ForStatement = this.within;
  ForOfStatement = this.within;
  ForInStatement = this.within;
  SwitchStatement = this.within;
  StaticBlock = this.within;
  Property = this.member;
  PropertyDefinition = this.member;
  MethodDefinition = this.member;

  CatchClause(node, scope) {
    const own = this.inner(scope);
    this.pattern(node.param, own);
    this.block(node.body.body, own);
  }

  VariableDeclaration(node, scope) {
    let owner = scope;
    while (node.kind === "var" && !owner.isFunction) owner = owner.parent;
    for (const { id, init } of node.declarations) {
      this.pattern(id, owner);
      this.visit(init, scope);
    }
  }

  AssignmentPattern(node, scope, owner) {
    this.visit(node.left, scope, owner);
    this.visit(node.right, scope);
  }

  MemberExpression(node, scope) {
    this.visit(node.object, scope);
    if (node.computed) this.visit(node.property, scope);
  }

  LabeledStatement(node, scope) {
    this.visit(node.body, scope);
  }

  BreakStatement() {}
  ContinueStatement() {}
  MetaProperty() {}

  ImportDeclaration(node, scope) {
    for (const { local, type } of node.specifiers) {
      if (type === "ImportSpecifier") throw new Error("only whole modules are imported");
      this.declare(local, scope);
    }
  }

  ExportSpecifier(node, scope) {
    this.uses.push({ node: node.local, scope, owner: node });
  }

  /** Uses go to their declarations; names that nothing declares belong to the language. */
  resolve() {
    const foreign = new Set();
    for (const { node, scope, owner } of this.uses) {
      let at = scope;
      while (at !== undefined && !at.declared.has(node.name)) at = at.parent;
      if (at === undefined) {
        foreign.add(node.name);
        continue;
      }
      const variable = at.declared.get(node.name);
      variable.places.push({ node, owner });
      for (let one = scope; one !== at; one = one.parent) variable.live.add(one);
    }
    return { variables: this.variables, foreign };
  }
}
