// What a pipeline may be told, read from the JSON Schema of its settings: a tree of fields that can be drawn.
// Whatever this does not know becomes a field of plain JSON, so a new pipeline is never out of reach.
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

interface FieldBase {
  name: string;
  title: string;
  description: string;
  /** null is a value of its own: as the scene says, or as the other settings lead to. */
  isNullable: boolean;
  isRequired: boolean;
  /** What holds where nothing is said; undefined: nothing is. */
  standard: Json | undefined;
}

export interface Bounds {
  minimum?: number;
  maximum?: number;
  isMinimumOut?: boolean;
  isMaximumOut?: boolean;
}

export type Field = FieldBase &
  (
    | { kind: "number"; isWhole: boolean; bounds: Bounds }
    | { kind: "text"; isLong: boolean; minLength: number; maxLength: number | undefined; pattern: string | undefined }
    | { kind: "flag" }
    | { kind: "choice"; options: string[] }
    | { kind: "choices"; options: string[]; most: number | undefined; least: number }
    | { kind: "words"; most: number | undefined; least: number; itemMaxLength: number | undefined }
    | { kind: "vector"; length: number; bounds: Bounds[] }
    | { kind: "list"; item: Field; most: number | undefined; least: number }
    | { kind: "group"; fields: Field[] }
    | { kind: "variants"; tag: string; variants: { value: string; fields: Field[] }[] }
    | { kind: "json" }
  );

interface Schema {
  [key: string]: unknown;
  type?: string;
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  description?: string;
  title?: string;
  default?: Json;
  discriminator?: { propertyName: string; mapping: Record<string, string> };
}

const LONG_TEXT = 500;
const DEEPEST = 8;

/** The fields of a pipeline's settings, in the order of the schema. */
export function fieldsOf(settings: Record<string, unknown>): Field[] {
  const root = settings as Schema;
  return fieldsIn(root, root, 0);
}

function fieldsIn(schema: Schema, root: Schema, depth: number): Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, part]) =>
    fieldOf(name, part, root, required.has(name), depth),
  );
}

function fieldOf(name: string, given: Schema, root: Schema, isRequired: boolean, depth: number): Field {
  const { schema, isNullable } = plain(given, root);
  const base: FieldBase = {
    name,
    title: titleOf(name),
    description: descriptionOf(given, schema),
    isNullable,
    isRequired,
    standard: given.default,
  };
  return depth > DEEPEST ? { ...base, kind: "json" } : { ...base, ...shapeOf(schema, root, depth) };
}

type Shape<One = Field> = One extends FieldBase ? Omit<One, keyof FieldBase> : never;

function shapeOf(schema: Schema, root: Schema, depth: number): Shape {
  if (isTexts(schema.enum)) return { kind: "choice", options: schema.enum };
  switch (schema.type) {
    case "boolean":
      return { kind: "flag" };
    case "integer":
    case "number":
      return { kind: "number", isWhole: schema.type === "integer", bounds: boundsOf(schema) };
    case "string":
      return textOf(schema);
    case "array":
      return listOf(schema, root, depth);
    case "object":
      return schema.properties === undefined
        ? { kind: "json" }
        : { kind: "group", fields: fieldsIn(schema, root, depth + 1) };
    default:
      return variantsOf(schema, root, depth) ?? { kind: "json" };
  }
}

function textOf(schema: Schema): Shape {
  const maxLength = numberIn(schema, "maxLength");
  return {
    kind: "text",
    isLong: maxLength !== undefined && maxLength > LONG_TEXT,
    minLength: numberIn(schema, "minLength") ?? 0,
    maxLength,
    pattern: typeof schema.pattern === "string" ? schema.pattern : undefined,
  };
}

function listOf(schema: Schema, root: Schema, depth: number): Shape {
  const most = numberIn(schema, "maxItems");
  const least = numberIn(schema, "minItems") ?? 0;
  if (schema.prefixItems !== undefined) {
    const parts = schema.prefixItems.map((part) => resolve(part, root));
    const areNumbers = parts.every((part) => part.type === "number" || part.type === "integer");
    return areNumbers ? { kind: "vector", length: parts.length, bounds: parts.map(boundsOf) } : { kind: "json" };
  }
  if (schema.items === undefined) return { kind: "json" };
  const item = fieldOf("", schema.items, root, true, depth + 1);
  if (item.isNullable) return { kind: "json" };
  if (item.kind === "choice") return { kind: "choices", options: item.options, most, least };
  if (item.kind === "text" && item.pattern === undefined) {
    return { kind: "words", most, least, itemMaxLength: item.maxLength };
  }
  return item.kind === "group" ? { kind: "list", item, most, least } : { kind: "json" };
}

/** Objects of several kinds, which one of their own fields tells apart. */
function variantsOf(schema: Schema, root: Schema, depth: number): Shape | null {
  if (schema.discriminator === undefined) return null;
  const tag = schema.discriminator.propertyName;
  const variants = Object.entries(schema.discriminator.mapping).map(([value, place]) => ({
    value,
    fields: fieldsIn(resolve({ $ref: place }, root), root, depth + 1).filter((field) => field.name !== tag),
  }));
  return { kind: "variants", tag, variants };
}

/** Without references, and with null told apart. */
function plain(given: Schema, root: Schema): { schema: Schema; isNullable: boolean } {
  const schema = resolve(given, root);
  if (schema.anyOf === undefined) return { schema, isNullable: false };
  const others = schema.anyOf.filter((each) => each.type !== "null");
  const only = others.length === 1 ? others[0] : undefined;
  if (only === undefined) return { schema: {}, isNullable: others.length < schema.anyOf.length };
  return { schema: resolve(only, root), isNullable: true };
}

function resolve(schema: Schema, root: Schema): Schema {
  const place = /^#\/\$defs\/(.+)$/.exec(schema.$ref ?? "")?.[1];
  if (place === undefined) return schema;
  const target = (root.$defs as Record<string, Schema> | undefined)?.[place];
  return target === undefined ? {} : { ...target, ...without(schema, "$ref") };
}

function without(schema: Schema, key: string): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key));
}

/** The nearest words: at the field, in the choice without null, or at the type that is referred to. */
function descriptionOf(given: Schema, schema: Schema): string {
  const inner = given.anyOf?.find((each) => each.type !== "null")?.description;
  const words = given.description ?? inner ?? schema.description ?? "";
  return words.replaceAll("``", "").replace(/\s*\n\s*/g, " ");
}

/** `resolution_x` is `Resolution x`. */
export function titleOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function boundsOf(schema: Schema): Bounds {
  const above = numberIn(schema, "exclusiveMinimum");
  const below = numberIn(schema, "exclusiveMaximum");
  return {
    minimum: above ?? numberIn(schema, "minimum"),
    maximum: below ?? numberIn(schema, "maximum"),
    isMinimumOut: above !== undefined,
    isMaximumOut: below !== undefined,
  };
}

function numberIn(schema: Schema, key: string): number | undefined {
  const value = schema[key];
  return typeof value === "number" ? value : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
