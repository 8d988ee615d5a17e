#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How hard the mutation tests try: quickly and repeatably in `make test`, long and with other
/// seeds in `make fuzz`.
public enum FuzzEffort {
  /// `standard` rounds, times `GODWIT_FUZZ_FACTOR` of the environment when that is set.
  public static func rounds(_ standard: Int) -> Int {
    let product = standard.multipliedReportingOverflow(by: Int(number("GODWIT_FUZZ_FACTOR") ?? 1))
    return product.overflow ? Int.max : product.partialValue
  }

  /// `standard`, moved by `GODWIT_FUZZ_SEED` of the environment when that is set.
  public static func seed(_ standard: UInt64) -> UInt64 {
    standard &+ UInt64(number("GODWIT_FUZZ_SEED") ?? 0)
  }

  private static func number(_ name: String) -> UInt32? {
    getenv(name).flatMap { UInt32(String(cString: $0)) }
  }
}
