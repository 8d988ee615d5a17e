/// A client's subscriptions by sid. Sids are nearly always small numbers; those are kept by value,
/// any other word by its bytes.
struct NATSSubscriptionTable {
  private var numbered: [UInt64: NATSSubscription] = [:]
  private var named: [[UInt8]: NATSSubscription] = [:]

  /// How many there are.
  var count: Int { self.numbered.count + self.named.count }

  /// All of them, numbered ones first, in the order of their sids.
  var all: [NATSSubscription] {
    self.numbered.sorted { $0.key < $1.key }.map(\.value)
      + self.named.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  /// All of them, in any order.
  var unsorted: [NATSSubscription] { Array(self.numbered.values) + Array(self.named.values) }

  /// The number that `sid` writes in its only form; `nil` for any other word.
  private static func number(_ sid: UnsafeRawBufferPointer) -> UInt64? {
    guard (1...18).contains(sid.count), sid[0] != UInt8(ascii: "0") || sid.count == 1 else {
      return nil
    }
    var value: UInt64 = 0
    for byte in sid {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
    }
    return value
  }

  /// The subscription under `sid`.
  subscript(sid: UnsafeRawBufferPointer) -> NATSSubscription? {
    get {
      if let number = Self.number(sid) { return self.numbered[number] }
      return self.named.isEmpty ? nil : self.named[Array(sid)]
    }
    set {
      if let number = Self.number(sid) {
        self.numbered[number] = newValue
      } else {
        self.named[Array(sid)] = newValue
      }
    }
  }

  /// Forgets all of them.
  mutating func removeAll() {
    self.numbered = [:]
    self.named = [:]
  }
}
