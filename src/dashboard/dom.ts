/** The element of this id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/**
 * A new element. Whatever it shows is text: nothing here ever becomes markup, whoever wrote it.
 * @param children elements, or texts
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

/** Sets a text, unless it is there already: what is unchanged is neither painted nor spoken again. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Shows how much of something is done, and says so to those who cannot see it. */
export function setProgress(bar: HTMLElement, done: number, of: number, words: string): void {
  bar.setAttribute('aria-label', words);
  const share = of > 0 ? Math.min(1, done / of) : 0;
  (bar.firstElementChild as HTMLElement).style.width = `${100 * share}%`;
}
