/** The element with this id, which must exist. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/**
 * Creates an element. Strings become text, never markup, because agents may have written them.
 * @param children elements or text
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Sets a text unless it is unchanged, so that it is neither painted nor read out again. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Shows progress as a bar, with a label for screen readers. */
export function setProgress(bar: HTMLElement, done: number, of: number, label: string): void {
  bar.setAttribute('aria-label', label);
  const share = of > 0 ? Math.min(1, done / of) : 0;
  (bar.firstElementChild as HTMLElement).style.width = `${100 * share}%`;
}
