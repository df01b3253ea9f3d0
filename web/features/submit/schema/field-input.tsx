"use client";
// One setting as a control. Nothing said is a value of its own: the placeholder tells what holds then.
import { Autocomplete, MultiSelect, NumberInput, Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Errors } from "./check-value";
import type { Field, Json } from "./field";
import { GroupInput } from "./group-input";
import { JsonInput } from "./json-input";
import { ListInput } from "./list-input";
import { VariantsInput } from "./variants-input";
import { VectorInput } from "./vector-input";

export interface FieldInputProps<Kind extends Field = Field> {
  field: Kind;
  value: Json | undefined;
  /** undefined: nothing is said. */
  onChange: (value: Json | undefined) => void;
  /** Where it stands in the settings. */
  at: string;
  errors: Errors;
  /** Names that the scene has, by name of the field. */
  known: Readonly<Record<string, readonly string[]>>;
}

const words = strings.submit.settings;

export function FieldInput(props: FieldInputProps) {
  const { field, value, onChange, at, errors, known } = props;
  const shared = {
    label: field.title,
    description: field.description || undefined,
    error: errors[at],
    required: field.isRequired,
    withAsterisk: field.isRequired,
  };
  switch (field.kind) {
    case "number":
      return (
        <NumberInput
          {...shared}
          value={typeof value === "number" || typeof value === "string" ? value : ""}
          onChange={(next) => onChange(next === "" ? undefined : next)}
          placeholder={unsetWords(field)}
          allowDecimal={!field.isWhole}
          clampBehavior="none"
          min={field.bounds.minimum}
          max={field.bounds.maximum}
        />
      );
    case "flag":
      return (
        <Select
          {...shared}
          data={[
            { value: "true", label: words.on },
            { value: "false", label: words.off },
          ]}
          value={typeof value === "boolean" ? String(value) : null}
          onChange={(next) => onChange(next === null ? undefined : next === "true")}
          placeholder={unsetWords(field)}
          clearable
        />
      );
    case "choice":
      return (
        <Select
          {...shared}
          data={field.options}
          value={typeof value === "string" ? value : null}
          onChange={(next) => onChange(next ?? undefined)}
          placeholder={unsetWords(field)}
          searchable={field.options.length > 8}
          clearable={!field.isRequired}
        />
      );
    case "choices":
      return (
        <MultiSelect
          {...shared}
          data={field.options}
          value={texts(value)}
          onChange={(next) => onChange(next.length === 0 ? undefined : next)}
          placeholder={texts(value).length === 0 ? unsetWords(field) : undefined}
          searchable
          clearable
        />
      );
    case "words":
      return (
        <TagsInput
          {...shared}
          data={[...(known[field.name] ?? [])]}
          value={texts(value)}
          onChange={(next) => onChange(next.length === 0 ? undefined : next)}
          placeholder={texts(value).length === 0 ? unsetWords(field) : undefined}
          maxTags={field.most}
        />
      );
    case "text":
      return <TextField {...props} field={field} shared={shared} />;
    case "vector":
      return <VectorInput {...props} field={field} />;
    case "list":
      return <ListInput {...props} field={field} />;
    case "group":
      return <GroupInput {...props} field={field} />;
    case "variants":
      return <VariantsInput {...props} field={field} />;
    case "json":
      return <JsonInput {...props} field={field} />;
  }
}

interface TextFieldProps extends FieldInputProps<Field & { kind: "text" }> {
  shared: object;
}

function TextField({ field, value, onChange, known, shared }: TextFieldProps) {
  const text = typeof value === "string" ? value : "";
  const set = (next: string) => onChange(next === "" && !field.isRequired ? undefined : next);
  const placeholder = unsetWords(field);
  const names = known[field.name];
  if (names !== undefined && names.length > 0) {
    return <Autocomplete {...shared} data={[...names]} value={text} onChange={set} placeholder={placeholder} />;
  }
  const onTyped = ({ currentTarget }: { currentTarget: { value: string } }) => set(currentTarget.value);
  return field.isLong ? (
    <Textarea {...shared} value={text} onChange={onTyped} placeholder={placeholder} autosize minRows={2} maxRows={10} />
  ) : (
    <TextInput {...shared} value={text} onChange={onTyped} placeholder={placeholder} />
  );
}

/** What holds where nothing is said. */
export function unsetWords(field: Field): string | undefined {
  const { standard } = field;
  if (standard === undefined) return undefined;
  if (standard === null) return words.scenesOwn;
  if (typeof standard === "boolean") return words.standard(standard ? words.on : words.off);
  if (Array.isArray(standard)) return standard.length === 0 ? words.none : words.standard(standard.join(", "));
  return typeof standard === "object" ? words.standardObject : words.standard(String(standard));
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
