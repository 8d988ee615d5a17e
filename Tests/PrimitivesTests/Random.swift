/// A seeded generator (SplitMix64): a failing run can be repeated.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    self.state = seed
  }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

extension Random {
  /// A topic or pattern of few short levels, so that matches are common.
  mutating func levels(wildcards: Bool) -> String {
    let count = Int.random(in: 1...4, using: &self)
    var levels: [String] = []
    for index in 0..<count {
      let pick = Int.random(in: 0..<10, using: &self)
      if wildcards, pick < 2 {
        levels.append("*")
      } else if wildcards, pick < 4, index == count - 1 {
        levels.append(">")
      } else {
        let names = index == 0 ? ["a", "b", "$SYS", "$x"] : ["a", "b", "c", "/"]
        levels.append(names.randomElement(using: &self) ?? "a")
      }
    }
    return levels.joined(separator: ".")
  }
}
