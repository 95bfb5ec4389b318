/** This file in a checkout; in the executable all code lies at the top of one folder, beside the threads' programs. */
const TOP = import.meta.url.endsWith('/gateway/worker-urls.ts') ? '../' : './'

/** The programs of the threads. The build has each as an entry point (`scripts/build.ts`), so that the executable has them under these names. */
export const WORKER_URLS = {
  recorder: new URL(`${TOP}background/recorder-worker.ts`, import.meta.url).href,
  query: new URL(`${TOP}storage/query-worker.ts`, import.meta.url).href,
  inspection: new URL(`${TOP}inspection/inspection-worker.ts`, import.meta.url).href,
} as const
