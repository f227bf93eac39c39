import { CDK_INIT, COMMONJS, MODULES, type ProjectOptions } from '../project.ts';

/** What a consumer installs and how. */
export interface Row {
  readonly manager: 'npm' | 'pnpm' | 'yarn 1' | 'yarn 4';
  readonly node: '22.12' | '24';
  readonly versions: Versions;
  readonly projects: readonly ProjectOptions[];
  /** The version of jest that runs the test kit, configured by nothing. */
  readonly jest?: string;
}

/** By the names of the packages. */
export interface Versions {
  readonly typescript: string;
  readonly '@middy/core': string;
  readonly 'aws-cdk-lib': string;
  readonly constructs: string;
  readonly '@aws-sdk/client-dynamodb': string;
}

const OLDEST: Versions = {
  typescript: '5.4.5',
  '@middy/core': '6.0.0',
  'aws-cdk-lib': '2.186.0',
  constructs: '10.0.0',
  '@aws-sdk/client-dynamodb': '3.908.0',
};
const NEWEST: Versions = {
  typescript: '^7.0.0',
  '@middy/core': '^7.0.0',
  'aws-cdk-lib': '^2.0.0',
  constructs: '^10.0.0',
  '@aws-sdk/client-dynamodb': '^3.0.0',
};
/** Yarn asks the registry for what the CDK brings along, and mirrors do not have all of what the newest does. */
const OF_YARN: Versions = { ...NEWEST, 'aws-cdk-lib': '2.270.0' };
/** A compiler below version 7 still knows the resolution without `exports`. */
const ALL = [MODULES, COMMONJS, CDK_INIT];

/** Each end of each range, each version between at which something changed, and each package manager. */
export const ROWS: readonly Row[] = [
  { manager: 'npm', node: '22.12', versions: OLDEST, projects: ALL, jest: '29' },
  { manager: 'npm', node: '24', versions: NEWEST, projects: [MODULES, COMMONJS], jest: '30' },
  // The last CDK that does not know nodejs24.x, and the first that does.
  {
    manager: 'npm',
    node: '22.12',
    versions: { ...NEWEST, typescript: '~5.5.0', 'aws-cdk-lib': '2.223.0', '@middy/core': '7.0.0' },
    projects: ALL,
  },
  {
    manager: 'npm',
    node: '24',
    versions: { ...OLDEST, typescript: '~5.6.0', 'aws-cdk-lib': '2.224.0', '@middy/core': '^6.0.0' },
    projects: ALL,
  },
  // The last CDK without validations, and the first with.
  {
    manager: 'npm',
    node: '22.12',
    versions: { ...NEWEST, typescript: '~5.7.0', 'aws-cdk-lib': '2.264.0' },
    projects: ALL,
  },
  {
    manager: 'npm',
    node: '24',
    versions: { ...OLDEST, typescript: '~5.8.0', 'aws-cdk-lib': '2.265.0', constructs: '^10.0.0' },
    projects: ALL,
  },
  { manager: 'npm', node: '22.12', versions: { ...NEWEST, typescript: '~5.9.0' }, projects: ALL },
  { manager: 'pnpm', node: '24', versions: NEWEST, projects: [MODULES, COMMONJS], jest: '30' },
  { manager: 'yarn 1', node: '22.12', versions: OLDEST, projects: ALL },
  { manager: 'yarn 1', node: '24', versions: OF_YARN, projects: [MODULES, COMMONJS] },
  { manager: 'yarn 4', node: '24', versions: OF_YARN, projects: [MODULES, COMMONJS], jest: '30' },
];
