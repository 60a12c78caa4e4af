/**
 * Data sets in and out: Parquet, JSONL and CSV as streams of rows, on the disk and on the Hub.
 *
 * @since 0.2.0
 */

/** What can go wrong with a data set. @since 0.2.0 */
export * as DatasetError from "./DatasetError.ts"

/** Columns and their types. @since 0.2.0 */
export * as Features from "./features/Features.ts"

/** Columns as a data card names them. @since 0.2.0 */
export * as FeatureCard from "./features/FeatureCard.ts"

/** Columns of rows whose types nobody declared. @since 0.2.0 */
export * as FeatureInference from "./features/FeatureInference.ts"

/** Columns as `datasets` keeps them in a Parquet file. @since 0.2.0 */
export * as FeatureMetadata from "./features/FeatureMetadata.ts"

/** Columns that a Schema describes. @since 0.2.0 */
export * as FeatureSchema from "./features/FeatureSchema.ts"

/** A file whose bytes can be read from any place. @since 0.2.0 */
export * as FileBytes from "./source/FileBytes.ts"

/** Parquet files as streams of rows. @since 0.2.0 */
export * as Parquet from "./parquet/Parquet.ts"

/** Rows as Parquet files. @since 0.2.0 */
export * as ParquetWriter from "./parquet/ParquetWriter.ts"

/** A stream of rows as the files of a split. @since 0.2.0 */
export * as DatasetFiles from "./push/DatasetFiles.ts"

/** The README of a data set. @since 0.2.0 */
export * as DataCard from "./card/DataCard.ts"

/** How a data set was made. @since 0.2.0 */
export * as Provenance from "./card/Provenance.ts"

/** A data set to the Hub. @since 0.2.0 */
export * as Push from "./push/Push.ts"

/** A data set by its name: its files and its rows. @since 0.2.0 */
export * as DatasetSource from "./source/DatasetSource.ts"

/** Names of data sets on the Hub. @since 0.2.0 */
export * as DatasetLocation from "./source/Location.ts"

/** Configurations and splits by card and file names. @since 0.2.0 */
export * as DatasetSplits from "./source/Splits.ts"

/** Conversations out of nothing but a model. @since 0.2.0 */
export * as MagpieRows from "./magpie/MagpieRows.ts"

/** Length, language and duplicates of texts. @since 0.2.0 */
export * as TextFacts from "./magpie/TextFacts.ts"
