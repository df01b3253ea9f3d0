// The look of the app. Contrast is WCAG 2.2 AA in both schemes; tests of the pages check it with axe.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";
import { strings } from "@/strings/en";

// Its cross is a picture alone.
const closeButtonProps = { "aria-label": strings.shell.close };

const iris: MantineColorsTuple = [
  "#f0f1ff",
  "#dfe1fd",
  "#bcc0f6",
  "#979df0",
  "#777fea",
  "#636ce7",
  "#5862e6",
  "#4852cd",
  "#3f48b8",
  "#333da2",
];

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: { light: 7, dark: 6 },
  colors: { iris },
  autoContrast: true,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  defaultRadius: "md",
  cursorType: "pointer",
  headings: { fontWeight: "650" },
  components: {
    Table: { defaultProps: { verticalSpacing: "sm", highlightOnHover: true } },
    // A table that is wider than the screen is scrolled by the arrow keys too.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250 } },
    Modal: { defaultProps: { centered: true, closeButtonProps } },
    Drawer: { defaultProps: { closeButtonProps } },
    Notification: { defaultProps: { closeButtonProps } },
    // Else a menu begins with something that can be focused and is no item of it.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5c636b",
    "--mantine-color-placeholder": "#6b737b",
    // Words of badges and alerts on their own tint; the palette's are too pale for small type.
    "--mantine-color-yellow-light-color": "#7a4a00",
    "--mantine-color-orange-light-color": "#9c3606",
    "--mantine-color-green-light-color": "#1e6a2f",
    "--mantine-color-red-light-color": "#b02121",
    "--farm-queued": "#ced4da",
    "--farm-leased": "#9fb4f5",
    "--farm-rendering": "#4852cd",
    "--farm-committed": "#2b8a3e",
    "--farm-reused": "#0b7285",
    "--farm-failed": "#c92a2a",
    "--farm-canceled": "#868e96",
    "--farm-skipped": "#adb5bd",
    "--farm-suspect": "#d9480f",
  },
  dark: {
    "--mantine-color-dimmed": "#a6adb4",
    "--mantine-color-placeholder": "#939ba3",
    "--mantine-color-anchor": "#979df0",
    "--farm-queued": "#3b4046",
    "--farm-leased": "#566bc4",
    "--farm-rendering": "#7d87f5",
    "--farm-committed": "#40c057",
    "--farm-reused": "#22b8cf",
    "--farm-failed": "#ff6b6b",
    "--farm-canceled": "#868e96",
    "--farm-skipped": "#5c636b",
    "--farm-suspect": "#ff922b",
  },
});
