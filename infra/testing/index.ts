/**
 * What tests of your own workers import: a broker in memory, on a clock that the test owns.
 *
 * @packageDocumentation
 */

export { createTestBroker, type TestBroker, type TestBrokerOptions } from './test-broker.ts';
export type { TestClock } from './test-clock.ts';
