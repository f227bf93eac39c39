import { expect, test } from 'vitest';

import { widgetsOf } from '../../../../../infra/local/emulators/cloudwatch/dashboard.ts';
import { synthesize } from '../../../../../infra/local/emulators/cloudwatch/synthesize.ts';
import { secondMsOf } from '../../../../../infra/local/emulators/cloudwatch/time-scale.ts';
import { SCALED_PROFILE } from '../../../../../infra/local/run/profile.ts';

const widgets = widgetsOf(synthesize(SCALED_PROFILE));

test('the dashboard asks three questions, under its alarms', () => {
  expect(widgets[0]).toEqual({ kind: 'alarms', title: 'Alarms' });
  expect(widgets.flatMap((widget) => (widget.kind === 'heading' ? [widget.text] : []))).toEqual([
    'Are tokens fresh?',
    'Is the budget kept?',
    'Is work flowing?',
  ]);
});

test('a line is a metric with its statistic, and a threshold is a mark', () => {
  expect(widgets.find((widget) => 'title' in widget && widget.title.startsWith('Shortest'))).toEqual({
    kind: 'graph',
    title: 'Shortest time to expiry, seconds',
    lines: [
      {
        label: 'SecondsToExpiry',
        query: {
          metric: {
            namespace: 'PlumeM2M',
            name: 'SecondsToExpiry',
            dimensions: { service: 'token-broker' },
          },
          statistic: 'Minimum',
          periodSeconds: 60,
        },
      },
    ],
    marks: [{ value: 60, label: 'one tick' }],
  });
});

test('a share is an expression of the metrics that it names, in the run’s own numbers', () => {
  const share = widgets.find((widget) => 'title' in widget && widget.title.startsWith('Share'));
  const [worker] = share?.kind === 'graph' ? share.lines : [];
  // A window of 20 s and a ticket every 50 ms, thirty times slower.
  expect(secondMsOf(SCALED_PROFILE)).toBeCloseTo(1000 / 30);
  expect(worker?.query).toMatchObject({
    expression: '100 * worker / PERIOD(worker) * 1.5',
    periodSeconds: 600,
    metrics: { worker: { metric: { name: 'TicketsGranted', dimensions: { stream: 'worker' } } } },
  });
});

test('the time to expiry of each client is asked of the logs', () => {
  const logs = widgets.filter((widget) => widget.kind === 'logs');
  expect(logs.map(({ query }) => query)).toContainEqual(
    expect.stringMatching(/latest\(SecondsToExpiry\) as seconds by client/),
  );
});
