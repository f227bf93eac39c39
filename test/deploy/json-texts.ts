/**
 * The JSON texts that a file holds one after the other, as a script redirected them.
 *
 * @throws {Error} if there is anything else in it
 */
export function jsonTexts(text: string): readonly unknown[] {
  const found: unknown[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const end = [...rest.matchAll(/[}\]"\d]/g)]
      .map(({ index }) => index + 1)
      .find((index) => isJson(rest.slice(0, index)));
    if (end === undefined) throw new Error(`not JSON: ${rest.slice(0, 500)}`);
    found.push(JSON.parse(rest.slice(0, end)));
    rest = rest.slice(end).trim();
  }
  return found;
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
