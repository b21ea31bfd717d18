/** The version of package.json, put in by the build. */
declare const __WHEELHOUSE_VERSION__: string
