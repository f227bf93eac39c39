/** @throws {Error} the flag's text is no positive whole number */
export function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new Error(`--${flag} must be a positive whole number, not "${text}"`);
  return Number(text);
}

/** `1,10,100` */
export function positives(flag: string, text: string): number[] {
  return text.split(',').map((part) => positive(flag, part));
}
