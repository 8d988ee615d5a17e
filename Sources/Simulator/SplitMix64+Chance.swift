public import GodwitWireTesting

extension SplitMix64 {
  /// True once in `count` times; never for 0.
  public mutating func oneIn(_ count: Int) -> Bool {
    count > 0 && Int.random(in: 0..<count, using: &self) == 0
  }
}
