interface Entry<Item> {
  readonly root: HTMLElement;
  update(item: Item): void;
}

/**
 * Keeps an entry in a list for each item: made when its key comes up first, updated ever after.
 *
 * @param place where new entries go: to the end, or to the beginning
 */
export function keyedList<Item>(
  list: HTMLElement,
  place: 'append' | 'prepend',
  keyOf: (item: Item) => string,
  create: (item: Item) => Entry<Item>,
): (items: readonly Item[]) => void {
  const entries = new Map<string, Entry<Item>>();

  function entryOf(item: Item): Entry<Item> {
    const known = entries.get(keyOf(item));
    if (known !== undefined) return known;
    const made = create(item);
    entries.set(keyOf(item), made);
    list[place](made.root);
    return made;
  }

  return (items) => {
    for (const item of items) entryOf(item).update(item);
  };
}
