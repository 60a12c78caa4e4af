/**
 * Batches: many inputs, any crash, no row lost and none twice.
 *
 * @since 0.1.0
 */

/** A stream to a stream, a file to a file. @since 0.1.0 */
export * as Batch from "./Batch.ts"

/** Why a batch was refused or could not continue. @since 0.1.0 */
export * as BatchError from "./BatchError.ts"

/** Whose fault a failure is. @since 0.1.0 */
export * as Blame from "./pace/Fault.ts"

/** The core of `Batch.run`, over any work. @since 0.1.0 */
export * as Runner from "./Runner.ts"

/** The core of `Batch.stream`, over any work. @since 0.1.0 */
export * as Streaming from "./Streaming.ts"

/** Columns of a row, and how they become a request. @since 0.1.0 */
export * as Row from "./rows/Row.ts"

/** A part of an input, and how other formats and places are plugged in. @since 0.2.0 */
export * as Part from "./rows/Part.ts"

/** The lines of the output and errors files. @since 0.2.0 */
export * as Line from "./rows/Line.ts"

/** A row that cannot become a request. @since 0.1.0 */
export * as RowError from "./rows/RowError.ts"

/** Concurrency, limits per minute, pauses. @since 0.1.0 */
export * as Pace from "./pace/Pace.ts"

/** Where a batch stops by itself. @since 0.1.0 */
export * as Budget from "./pace/Budget.ts"

/** The progress of a batch. @since 0.1.0 */
export * as Progress from "./report/Progress.ts"

/** What a batch did. @since 0.1.0 */
export * as Report from "./report/Report.ts"

/** What a batch will cost, by a sample. @since 0.2.0 */
export * as Plan from "./Plan.ts"

/** Decisions, vectors and scores instead of text. @since 0.2.0 */
export * as Task from "./Task.ts"

/** Pipelines of distilabel as batches. @since 0.2.0 */
export * as Migration from "./Migration.ts"

/** Generations that were paid for already. @since 0.2.0 */
export * as AnswerCache from "./AnswerCache.ts"

/** Looking at outputs, merging several, converting them. @since 0.2.0 */
export * as Results from "./Results.ts"

/** A report as an HTML page. @since 0.2.0 */
export * as Page from "./report/Page.ts"

/** Which run holds an output. @since 0.1.0 */
export * as Lock from "./log/Lock.ts"
