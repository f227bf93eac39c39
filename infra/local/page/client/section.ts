import type { View } from '../view.ts';
import { element } from './dom.ts';

/** A part of the page that follows the view. */
export interface Part {
  readonly root: HTMLElement;
  update(view: View): void;
}

/** A part under a heading of its own. */
export function section(
  title: string,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElement {
  const id = `section-${className}`;
  return element(
    'section',
    { class: className, 'aria-labelledby': id },
    element('h2', { id }, title),
    ...children,
  );
}
