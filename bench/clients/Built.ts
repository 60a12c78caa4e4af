/**
 * Where the measured package comes from: its sources, or with `BUILT=1` what is published, which a cold measurement needs,
 * since stripping types from sources is no part of a client.
 */
export const load = async <A>(path: string, source: () => Promise<A>): Promise<A> =>
  // the build of a module has the exports of its source
  process.env["BUILT"] === "1" ? await import(`../../dist/${path}.js`) as A : source()
