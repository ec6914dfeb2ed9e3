/**
 * An option of V8, to be set before anything else is loaded. Without it V8 notes for each line of code whether what it
 * makes lives long, and where most does it makes the rest in the old generation at once. While a gateway starts
 * everything lives long. What the same lines (in Node's event emitters, say) make for a request later would stay until
 * the next major collection, and the whole request with it: measured, a fourth more CPU for each request in one
 * process of eight, and in more where bodies are sent.
 */
export const heapOption = '--no-allocation-site-pretenuring'
