import './page.css';

import type { View } from '../view.ts';
import { createAlarms } from './alarms.ts';
import { element, setText } from './dom.ts';
import { createFaults } from './faults.ts';
import { createOrders } from './orders.ts';
import { createPartners } from './partners.ts';
import type { Part } from './section.ts';
import { createSummary } from './summary.ts';
import { createWidgets } from './widgets.ts';
import { createWindowPicture } from './window-picture.ts';

/** The page: every part of it shows the latest view, whether that stands in the document or comes as an event. */
function start(): void {
  const parts: readonly Part[] = [
    createSummary(),
    createAlarms(),
    createPartners(),
    createFaults(),
    createOrders(),
    createWindowPicture(),
    createWidgets(),
  ];
  const connection = element('p', { class: 'connection', role: 'status' });
  const main = element('main', {}, ...parts.map(({ root }) => root));
  const title = element('h1', {}, 'Plume M2M token broker, on this machine');
  document.body.prepend(element('header', {}, title, connection), main);

  function show(view: View): void {
    main.hidden = false;
    for (const part of parts) part.update(view);
  }

  const recorded = JSON.parse(document.getElementById('view')?.textContent ?? 'null') as View | null;
  if (recorded !== null) {
    show(recorded);
  } else {
    main.hidden = true;
    listen(show, (text) => setText(connection, text));
  }
}

function listen(show: (view: View) => void, tell: (text: string) => void): void {
  tell('Bundling the functions and starting the local deployment ...');
  const events = new EventSource('/events');
  events.onmessage = ({ data }) => {
    const view = JSON.parse(data) as View;
    show(view);
    tell('');
    if (view.result !== undefined) events.close();
  };
  // The browser tries again by itself.
  events.onerror = () => tell('The run does not answer. If it has not ended, this page will find it again.');
}

start();
