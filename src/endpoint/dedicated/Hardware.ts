/**
 * What dedicated endpoints can run on, with prices and what is left of the quota.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Compute = Schema.Struct({
  id: Schema.String,
  /** `cpu`, `gpu`, `neuron`. */
  accelerator: Schema.String,
  /** As `Create` takes it, such as `nvidia-l4`. */
  instanceType: Schema.String,
  /** As `Create` takes it, such as `x1`. */
  instanceSize: Schema.String,
  /** For people, such as `Nvidia L4`. */
  architecture: optional(Schema.String),
  numAccelerators: optional(Schema.Finite),
  numCpus: optional(Schema.Finite),
  memoryGb: optional(Schema.Finite),
  /** Total of all accelerators of a replica. */
  gpuMemoryGb: optional(Schema.Finite),
  /** US dollars per replica. */
  pricePerHour: Schema.Finite,
  /** `available`, `low_availability`, `not_available`, `reserved`, `deprecated`. */
  status: Schema.String,
  quota: optional(Schema.Struct({ maxAccelerators: Schema.Finite, usedAccelerators: Schema.Finite }))
})

/**
 * One kind of instance in one region. `vendor`, `region`, `accelerator`, `instanceType` and `instanceSize` are what `Create`
 * takes.
 *
 * @category models
 * @since 0.2.0
 */
export interface Hardware extends Schema.Schema.Type<typeof Compute> {
  readonly vendor: string
  readonly region: string
}

const Region = Schema.Struct({ name: Schema.String, computes: Schema.Array(Compute) })

/**
 * What the management API says: vendors, their regions, and what there is in each.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Vendors = Schema.Struct({
  vendors: Schema.Array(Schema.Struct({ name: Schema.String, regions: Schema.Array(Region) }))
})

/**
 * All instances of all regions, including those that are not available now.
 *
 * @category conversions
 * @since 0.2.0
 */
export const list = ({ vendors }: typeof Vendors.Type): ReadonlyArray<Hardware> =>
  vendors.flatMap(({ name: vendor, regions }) =>
    regions.flatMap(({ computes, name: region }) => computes.map((compute) => ({ vendor, region, ...compute })))
  )
