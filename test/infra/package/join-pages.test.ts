import { expect, test } from 'vitest';

import { joinPages } from '../../../infra/package/join-pages.ts';

const pages = [
  {
    file: 'till.paid.md',
    text: '<!-- by a tool -->\n\n[Home](./index.md) &gt; [till](./till.md)\n\n## paid() function\n\n## Returns\n\n[Price](./shop.price.md)\n',
  },
  { file: 'till.md', text: '[Home](./index.md)\n\n## till package\n\n| [paid()](./till.paid.md) |\n' },
  { file: 'shop.price.md', text: '## Price type\n' },
];

test('an entry is one page: its tables first, then its items, with links inside the page and to those of others', () => {
  expect(joinPages('till', pages, (entry) => `${entry}.md`)).toBe(
    [
      '<a id="till"></a>\n\n## till package\n\n| [paid()](#till.paid) |',
      '<a id="till.paid"></a>\n\n## paid() function\n\n#### Returns\n\n[Price](shop.md#shop.price)',
    ].join('\n\n'),
  );
});
