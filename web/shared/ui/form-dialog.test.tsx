import { TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { fireEvent, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { renderInApp } from "@/tests/render";
import { FormDialog } from "./form-dialog";

function Naming({ onClose }: { onClose: () => void }) {
  const form = useForm({ initialValues: { name: "" } });
  return (
    <FormDialog isOpen onClose={onClose} title="Name it" form={form} words="Save" onSubmit={async () => undefined}>
      <TextInput label="Name" {...form.getInputProps("name")} />
    </FormDialog>
  );
}

function missByEveryWay() {
  fireEvent.keyDown(document.body, { key: "Escape" });
  fireEvent.click(document.querySelector(".mantine-Modal-overlay")!);
}

it("what was typed into a dialog outlasts Escape and a click beside it, and goes by Cancel", () => {
  const onClose = vi.fn();
  renderInApp(<Naming onClose={onClose} />);
  fireEvent.change(screen.getByRole("textbox", { name: "Name" }), { target: { value: "a long name" } });
  missByEveryWay();
  expect(onClose).not.toHaveBeenCalled();
  expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("a long name");
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  expect(onClose).toHaveBeenCalledTimes(1);
});

it("a dialog into which nothing was typed goes by either", () => {
  const onClose = vi.fn();
  renderInApp(<Naming onClose={onClose} />);
  missByEveryWay();
  expect(onClose).toHaveBeenCalledTimes(2);
});
