"use client";
// What is made beside the frames.
import { NumberInput, SegmentedControl, Select, SimpleGrid, Stack, Switch, Input, TextInput } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import { FormSection, type PartProps } from "./form-section";

const words = strings.submit.outputs;
const CODECS = ["h264", "hevc", "av1", "prores"] as const;
const PREVIEWS = ["webm", "gif", "none"] as const;
const SOUNDS = ["auto", "scene", "none"] as const;

export function OutputsPart({ draft, change, errors }: PartProps<Draft>) {
  return (
    <FormSection title={words.title}>
      <Input.Wrapper
        label={words.video}
        description={words.videoWords[draft.video]}
        labelElement="div"
        error={errors["outputs.video"]}
      >
        <SegmentedControl
          mt={4}
          aria-label={words.video}
          data={(["auto", "own", "none"] as const).map((value) => ({ value, label: words.videos[value] }))}
          value={draft.video}
          onChange={(video) => change({ video: video as Draft["video"] })}
        />
      </Input.Wrapper>
      {draft.video === "own" && <FilmFields draft={draft} change={change} errors={errors} />}
      <Stack gap="xs">
        <Switch
          label={words.previews}
          description={words.previewsWords}
          checked={draft.previews}
          onChange={({ currentTarget }) => change({ previews: currentTarget.checked })}
        />
        <Switch
          label={words.sheet}
          description={words.sheetWords}
          checked={draft.hasSheet}
          onChange={({ currentTarget }) => change({ hasSheet: currentTarget.checked })}
        />
      </Stack>
      {draft.hasSheet && <SheetFields draft={draft} change={change} errors={errors} />}
      <TextInput
        label={words.naming}
        description={words.namingWords}
        placeholder="frame_{frame:04d}"
        value={draft.naming}
        onChange={({ currentTarget }) => change({ naming: currentTarget.value })}
        error={errors["outputs.naming"]}
        maxLength={200}
        spellCheck={false}
      />
    </FormSection>
  );
}

function FilmFields({ draft, change, errors }: PartProps<Draft>) {
  const { film } = draft;
  const set = (part: Partial<Draft["film"]>) => change({ film: { ...film, ...part } });
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <NumberInput
        label={words.fps}
        value={film.fps ?? ""}
        onChange={(fps) => set({ fps: typeof fps === "number" ? fps : null })}
        placeholder={strings.submit.settings.scenesOwn}
        min={0.01}
        max={240}
        error={errors["outputs.video.fps"]}
      />
      <Select
        label={words.codec}
        data={CODECS.map((value) => ({ value, label: words.codecs[value] }))}
        value={film.codec}
        onChange={(codec) => set({ codec: CODECS.find((each) => each === codec) ?? "h264" })}
        allowDeselect={false}
        error={errors["outputs.video.codec"]}
      />
      <Select
        label={words.audio}
        data={SOUNDS.map((value) => ({ value, label: words.sounds[value] }))}
        value={film.audio}
        onChange={(audio) => set({ audio: SOUNDS.find((each) => each === audio) ?? "auto" })}
        allowDeselect={false}
        error={errors["outputs.video.audio"]}
      />
      <Select
        label={words.light}
        data={PREVIEWS.map((value) => ({ value, label: words.lights[value] }))}
        value={film.preview}
        onChange={(preview) => set({ preview: PREVIEWS.find((each) => each === preview) ?? "webm" })}
        allowDeselect={false}
        error={errors["outputs.video.preview"]}
      />
    </SimpleGrid>
  );
}

function SheetFields({ draft, change, errors }: PartProps<Draft>) {
  const { sheet } = draft;
  const set = (part: Partial<Draft["sheet"]>) => change({ sheet: { ...sheet, ...part } });
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <NumberInput
        label={words.columns}
        value={sheet.columns ?? ""}
        onChange={(columns) => set({ columns: typeof columns === "number" ? columns : null })}
        placeholder={words.columnsOwn}
        min={1}
        max={50}
        allowDecimal={false}
        error={errors["outputs.contact_sheet.columns"]}
      />
      <NumberInput
        label={words.cell}
        value={sheet.cell_width}
        onChange={(width) => typeof width === "number" && set({ cell_width: width })}
        min={32}
        max={1024}
        allowDecimal={false}
        error={errors["outputs.contact_sheet.cell_width"]}
      />
      <Switch
        label={words.numbers}
        checked={sheet.labels}
        onChange={({ currentTarget }) => set({ labels: currentTarget.checked })}
      />
    </SimpleGrid>
  );
}
