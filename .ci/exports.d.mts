/** Subpath → files, for the entry points that are there. */
export declare const subpaths: (folders: ReadonlyArray<string>) => Readonly<Record<string, unknown>>

/** The entry points; a folder of src with an index.ts of modules. */
export declare const entryPoints: ReadonlyArray<string>
