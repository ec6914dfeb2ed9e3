/**
 * Options of V8, to be set before anything else is loaded.
 *
 * Without the first V8 notes for each line of code whether what it makes lives long, and where most does it makes the
 * rest in the old generation at once. While a gateway starts everything lives long. What the same lines (in Node's
 * event emitters, say) make for a request later would stay until the next major collection, and the whole request
 * with it: measured, a fourth more CPU for each request in one process of eight, and in more where bodies are sent.
 *
 * The second lets the heap grow to three times of what is alive before V8 collects all of it again. By itself V8
 * takes four for this, but much less while collections cost a lot, and it counts the buffers that answers pass through:
 * with answers of 50 KB it then collects more and more often, measured at up to twice the CPU for each of them, in two
 * processes of three.
 */
export const heapOptions = ['--no-allocation-site-pretenuring', '--heap-growing-percent=200']
