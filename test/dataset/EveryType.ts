/** A column of each scalar type, and the value at its edge. */
import * as Features from "../../src/dataset/features/Features.ts"

export const types = {
  i8: Features.value("int8"),
  u8: Features.value("uint8"),
  i16: Features.value("int16"),
  u32: Features.value("uint32"),
  i64: Features.int64,
  u64: Features.value("uint64"),
  f32: Features.value("float32"),
  bytes: Features.binary,
  us: Features.timestamp,
  ms: Features.value("timestamp[ms]"),
  day: Features.value("date32"),
  time: Features.value("time64[us]"),
  dec: Features.value("decimal128(38, 3)"),
  label: Features.classLabel(["no", "yes"])
}

export const row = {
  i8: -128,
  u8: 255,
  i16: -32768,
  u32: 4294967295,
  i64: -(2n ** 63n),
  u64: 2n ** 64n - 1n,
  f32: 0.25,
  bytes: new Uint8Array([0, 255]),
  us: "1969-12-31T23:59:59.999999Z",
  ms: "2026-01-31T12:00:00.001",
  day: "1969-12-31",
  time: "23:59:59.000001",
  dec: "-12345678901234567890123456789012345.678",
  label: 1
}
