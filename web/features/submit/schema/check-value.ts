// What the schema says is wrong with settings, by place: `border.xmin`, `keyframes.0.prompt`, as the farm names them.
import { strings } from "@/strings/en";
import type { Bounds, Field, Json, JsonObject } from "./field";

export type Errors = Readonly<Record<string, string>>;

const words = strings.submit.valueErrors;

export function checkSettings(fields: readonly Field[], settings: JsonObject): Errors {
  const errors: Record<string, string> = {};
  checkFields(fields, settings, "", errors);
  return errors;
}

function checkFields(fields: readonly Field[], values: JsonObject, at: string, errors: Record<string, string>): void {
  for (const field of fields) checkField(field, values[field.name], placeOf(at, field.name), errors);
}

export function placeOf(at: string, name: string | number): string {
  return at === "" ? String(name) : `${at}.${name}`;
}

function checkField(field: Field, value: Json | undefined, at: string, errors: Record<string, string>): void {
  if (value === undefined) {
    if (field.isRequired && field.standard === undefined) errors[at] = words.missing;
    return;
  }
  if (value === null && field.isNullable) return;
  const wrong = wrongWith(field, value, at, errors);
  if (wrong !== null) errors[at] = wrong;
}

function wrongWith(field: Field, value: Json, at: string, errors: Record<string, string>): string | null {
  switch (field.kind) {
    case "number":
      return numberWrong(value, field.isWhole, field.bounds);
    case "text":
      return textWrong(field, value);
    case "flag":
      return typeof value === "boolean" ? null : words.type;
    case "choice":
      return field.options.includes(value as string) ? null : words.choice;
    case "choices":
    case "words":
      return Array.isArray(value) ? countWrong(value.length, field) : words.type;
    case "vector":
      return vectorWrong(value, field.length, field.bounds);
    case "list":
      if (!Array.isArray(value)) return words.type;
      value.forEach((item, place) => checkField(field.item, item, placeOf(at, place), errors));
      return countWrong(value.length, field);
    case "group":
      if (!isObject(value)) return words.type;
      checkFields(field.fields, value, at, errors);
      return null;
    case "variants": {
      if (!isObject(value)) return words.type;
      const variant = field.variants.find((each) => each.value === value[field.tag]);
      if (variant === undefined) return words.choice;
      checkFields(variant.fields, value, at, errors);
      return null;
    }
    case "json":
      return typeof value === "string" ? words.json : null;
  }
}

function textWrong(field: Field & { kind: "text" }, value: Json): string | null {
  if (typeof value !== "string") return words.type;
  if (value.length < field.minLength) return words.tooShort(field.minLength);
  if (field.maxLength !== undefined && value.length > field.maxLength) return words.tooLong(field.maxLength);
  return field.pattern === undefined || new RegExp(field.pattern).test(value) ? null : words.pattern;
}

function numberWrong(value: Json, isWhole: boolean, bounds: Bounds): string | null {
  if (typeof value !== "number" || !Number.isFinite(value)) return words.number;
  if (isWhole && !Number.isInteger(value)) return words.whole;
  const { minimum, maximum, isMinimumOut, isMaximumOut } = bounds;
  if (minimum !== undefined && (isMinimumOut ? value <= minimum : value < minimum)) {
    return isMinimumOut ? words.over(minimum) : words.atLeast(minimum);
  }
  if (maximum !== undefined && (isMaximumOut ? value >= maximum : value > maximum)) {
    return isMaximumOut ? words.under(maximum) : words.atMost(maximum);
  }
  return null;
}

function vectorWrong(value: Json, length: number, bounds: readonly Bounds[]): string | null {
  if (!Array.isArray(value) || value.length !== length) return words.vector(length);
  for (const [place, part] of value.entries()) {
    const wrong = numberWrong(part, false, bounds[place] ?? {});
    if (wrong !== null) return wrong;
  }
  return null;
}

function countWrong(count: number, { most, least }: { most: number | undefined; least: number }): string | null {
  if (count < least) return words.fewer(least);
  return most !== undefined && count > most ? words.more(most) : null;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
