/** Style sheets become part of the bundle. */
declare module '*.css';
