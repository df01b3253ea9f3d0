// To the clipboard, which browsers give to no page without https: there a value is selected, to be copied by hand.

/** False: nothing is copied. Then the text is selected in the element that shows it, where one is given. */
export async function copyText(text: string, shownIn: HTMLElement | null = null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shownIn !== null) select(shownIn);
    return false;
  }
}

function select(element: HTMLElement): void {
  element.focus();
  if (element instanceof HTMLInputElement) element.select();
  else window.getSelection()?.selectAllChildren(element);
}
