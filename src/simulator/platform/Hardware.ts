/**
 * What simulated endpoints can run on: two regions of one vendor and one of another, at invented prices.
 *
 * @since 0.2.0
 */

/**
 * An instance of a region, written as on the wire.
 *
 * @category models
 * @since 0.2.0
 */
export interface Compute {
  readonly id: string
  readonly accelerator: string
  readonly instanceType: string
  readonly instanceSize: string
  readonly architecture: string
  readonly numAccelerators: number
  readonly numCpus?: number
  readonly memoryGb: number
  readonly gpuMemoryGb?: number
  readonly pricePerHour: number
  readonly status: string
  readonly quota: { readonly maxAccelerators: number; readonly usedAccelerators: number }
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Vendor {
  readonly name: string
  readonly status: string
  readonly regions: ReadonlyArray<{
    readonly name: string
    readonly label: string
    readonly status: string
    readonly computes: ReadonlyArray<Compute>
  }>
}

const cpu = (vendor: string, region: string): Compute => ({
  id: `${vendor}-${region}-intel-spr-x1`,
  accelerator: "cpu",
  instanceType: "intel-spr",
  instanceSize: "x1",
  architecture: "Intel Sapphire Rapids",
  numAccelerators: 1,
  numCpus: 1,
  memoryGb: 2,
  pricePerHour: 0.05,
  status: "available",
  quota: { maxAccelerators: 16, usedAccelerators: 0 }
})

const gpu = (
  vendor: string,
  region: string,
  [type, architecture, memoryGb, price]: readonly [string, string, number, number],
  count: number,
  status: string
): Compute => ({
  id: `${vendor}-${region}-${type}-x${count}`,
  accelerator: "gpu",
  instanceType: type,
  instanceSize: `x${count}`,
  architecture,
  numAccelerators: count,
  numCpus: 8 * count,
  memoryGb: 32 * count,
  gpuMemoryGb: memoryGb * count,
  pricePerHour: price * count,
  status,
  quota: { maxAccelerators: 8, usedAccelerators: 1 }
})

const l4 = ["nvidia-l4", "Nvidia L4", 24, 0.8] as const
const a10g = ["nvidia-a10g", "Nvidia A10G", 24, 1] as const
const h100 = ["nvidia-h100", "Nvidia H100", 80, 10] as const

const region = (vendor: string, name: string, label: string) => ({
  name,
  label,
  status: "available",
  computes: [
    cpu(vendor, name),
    gpu(vendor, name, l4, 1, "available"),
    gpu(vendor, name, a10g, 1, "available"),
    gpu(vendor, name, a10g, 4, "low_availability"),
    gpu(vendor, name, h100, 1, "not_available")
  ]
})

/** The default hardware. @category constants @since 0.2.0 */
export const vendors: ReadonlyArray<Vendor> = [
  {
    name: "aws",
    status: "available",
    regions: [region("aws", "us-east-1", "N. Virginia"), region("aws", "eu-west-1", "Ireland")]
  },
  { name: "gcp", status: "available", regions: [region("gcp", "us-east4", "N. Virginia")] }
]
