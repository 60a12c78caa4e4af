/** The page of the public API, from the declarations in dist. */
export declare const render: () => string
