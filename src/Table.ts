/**
 * The server-side tables that `kubectl get` prints.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { PartialObjectMetadata } from "./Resource.js"

/**
 * A column of a table.
 *
 * @since 0.1.0
 * @category models
 */
export interface TableColumn {
  readonly name: string
  /** The OpenAPI type of the cells: `string`, `integer`, `date`, ... */
  readonly type: string
  readonly format: string
  readonly description: string
  /** 0: always shown; higher: only with `kubectl get -o wide`. */
  readonly priority: number
}

/**
 * A row of a table: one cell a column, and the metadata of the object that it shows.
 *
 * @since 0.1.0
 * @category models
 */
export interface TableRow {
  readonly cells: ReadonlyArray<unknown>
  readonly object?: PartialObjectMetadata | undefined
}

/**
 * Objects as the server would have them printed.
 *
 * See [receiving resources as Tables](https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables).
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  readonly kind: "Table"
  readonly apiVersion: "meta.k8s.io/v1"
  readonly metadata: {
    readonly resourceVersion?: string | undefined
    readonly continue?: string | undefined
    readonly remainingItemCount?: number | undefined
  }
  readonly columnDefinitions: ReadonlyArray<TableColumn>
  readonly rows: ReadonlyArray<TableRow>
}

/** @internal */
export const TableSchema = (): Schema.Schema<Table> =>
  Schema.Struct({
    kind: Schema.Literal("Table"),
    apiVersion: Schema.Literal("meta.k8s.io/v1"),
    metadata: Schema.Struct({
      resourceVersion: Schema.optional(Schema.String),
      continue: Schema.optional(Schema.String),
      remainingItemCount: Schema.optional(Schema.Number)
    }),
    columnDefinitions: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        type: Schema.String,
        format: Schema.String,
        description: Schema.String,
        priority: Schema.Number
      })
    ),
    rows: Schema.Array(Schema.Struct({ cells: Schema.Array(Schema.Unknown), object: Schema.optional(Schema.Any) }))
  })
